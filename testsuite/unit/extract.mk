# Unit tests of the room extract; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-value-cache
testsuite_unit_test_value_cache_SOURCES = testsuite/unit/test-value-cache.c
