# Unit tests of the room object; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-linetable
testsuite_unit_test_linetable_SOURCES = testsuite/unit/test-linetable.c
unit_tests += testsuite/unit/test-object-hostile
testsuite_unit_test_object_hostile_SOURCES = testsuite/unit/test-object-hostile.c testsuite/unit/heapmaker.h
unit_tests += testsuite/unit/test-object-float
testsuite_unit_test_object_float_SOURCES = testsuite/unit/test-object-float.c
