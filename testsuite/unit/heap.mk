# Unit tests of the room heap; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-heap
testsuite_unit_test_heap_SOURCES = testsuite/unit/test-heap.c testsuite/unit/heapmaker.h testsuite/unit/poolmaker.h
unit_tests += testsuite/unit/test-heap-damage
testsuite_unit_test_heap_damage_SOURCES = testsuite/unit/test-heap-damage.c testsuite/unit/heapmaker.h testsuite/unit/poolmaker.h
unit_tests += testsuite/unit/test-heap-narrow
testsuite_unit_test_heap_narrow_SOURCES = testsuite/unit/test-heap-narrow.c testsuite/unit/heapmaker.h
