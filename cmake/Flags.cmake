# SPDX-License-Identifier: Apache-2.0
add_library(flicker_hosted INTERFACE)
target_include_directories(flicker_hosted INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(flicker_hosted INTERFACE _GNU_SOURCE)
target_compile_options(flicker_hosted INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
  -fstack-protector-strong -fstack-clash-protection -fcf-protection)
# libseccomp's macros leave fields out; gcc takes no offence.
target_compile_options(flicker_hosted INTERFACE $<$<C_COMPILER_ID:Clang>:-Wno-missing-field-initializers>)
target_link_libraries(flicker_hosted INTERFACE Threads::Threads)
target_link_options(flicker_hosted INTERFACE $<IF:$<BOOL:$<TARGET_PROPERTY:FLICKER_STATIC>>,-static-pie,-pie> -Wl,-z,relro,-z,now -Wl,--as-needed)

if(FLICKER_SANITIZE)
  target_compile_options(flicker_hosted INTERFACE
    -fsanitize=${FLICKER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(flicker_hosted INTERFACE -fsanitize=${FLICKER_SANITIZE})
else()
  target_compile_options(flicker_hosted INTERFACE $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
endif()

if(FLICKER_FUZZ)
  target_compile_options(flicker_hosted INTERFACE -fsanitize=fuzzer-no-link)
endif()
