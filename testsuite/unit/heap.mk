# Unit tests of the room heap; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-heap
testsuite_unit_test_heap_SOURCES = testsuite/unit/test-heap.c testsuite/unit/heapmaker.h
