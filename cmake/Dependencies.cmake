# SPDX-License-Identifier: Apache-2.0
# Every library comes from Debian 12. Static archives are linked where Debian ships them: a sandbox
# starts a fresh flicker-run each time, and the dynamic loader would be a good part of its start.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SECCOMP REQUIRED libseccomp>=2.5.4)
pkg_check_modules(JSONC REQUIRED json-c>=0.16)
pkg_check_modules(LIBBPF REQUIRED libbpf>=1.1)
find_path(ZYDIS_INCLUDE_DIR Zydis/Zydis.h REQUIRED)
find_library(ZYDIS_LIBRARY Zydis REQUIRED)
if(FLICKER_TESTS)
  pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion>=2.4)
endif()

# Prefer NAME's archive over its shared object; sanitized builds are happy with either.
function(flicker_library target name)
  find_library(${target}_ARCHIVE NAMES lib${name}.a ${name} REQUIRED)
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE ${${target}_ARCHIVE})
endfunction()

flicker_library(flicker_seccomp seccomp)
flicker_library(flicker_jsonc json-c)
target_include_directories(flicker_jsonc INTERFACE ${JSONC_INCLUDE_DIRS})
add_library(flicker_zydis INTERFACE)
target_link_libraries(flicker_zydis INTERFACE ${ZYDIS_LIBRARY})
target_include_directories(flicker_zydis INTERFACE ${ZYDIS_INCLUDE_DIR})
