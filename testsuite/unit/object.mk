# Unit tests of the room object; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-linetable
testsuite_unit_test_linetable_SOURCES = testsuite/unit/test-linetable.c
