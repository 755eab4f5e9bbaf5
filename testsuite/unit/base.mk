# Unit tests of the room base.  Two lines each; all rooms and libraries are linked in.
unit_tests += testsuite/unit/test-addrmap
testsuite_unit_test_addrmap_SOURCES = testsuite/unit/test-addrmap.c
unit_tests += testsuite/unit/test-buffer
testsuite_unit_test_buffer_SOURCES = testsuite/unit/test-buffer.c
unit_tests += testsuite/unit/test-cursor
testsuite_unit_test_cursor_SOURCES = testsuite/unit/test-cursor.c
unit_tests += testsuite/unit/test-damage
testsuite_unit_test_damage_SOURCES = testsuite/unit/test-damage.c
unit_tests += testsuite/unit/test-error
testsuite_unit_test_error_SOURCES = testsuite/unit/test-error.c
unit_tests += testsuite/unit/test-arena
testsuite_unit_test_arena_SOURCES = testsuite/unit/test-arena.c
unit_tests += testsuite/unit/test-sort
testsuite_unit_test_sort_SOURCES = testsuite/unit/test-sort.c
unit_tests += testsuite/unit/test-progress
testsuite_unit_test_progress_SOURCES = testsuite/unit/test-progress.c
