# Unit tests of the room layout; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-layout
testsuite_unit_test_layout_SOURCES = testsuite/unit/test-layout.c
unit_tests += testsuite/unit/test-debug-offsets
testsuite_unit_test_debug_offsets_SOURCES = testsuite/unit/test-debug-offsets.c
EXTRA_DIST += testsuite/unit/debug-offsets-3.13.inc
EXTRA_DIST += testsuite/unit/debug-offsets-3.14.inc
EXTRA_DIST += testsuite/unit/debug-offsets-3.15.inc
