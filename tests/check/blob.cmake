# SPDX-License-Identifier: Apache-2.0
add_test(NAME check.blob
  COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/blob.sh $<TARGET_FILE:flicker-agent> $<TARGET_FILE_DIR:flicker-agent>/../../agent/CMakeFiles/flicker-agent.dir)
set_tests_properties(check.blob PROPERTIES LABELS check TIMEOUT 60)
