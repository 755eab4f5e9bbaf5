# Unit tests of the room dump; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-dump-write
testsuite_unit_test_dump_write_SOURCES = testsuite/unit/test-dump-write.c testsuite/unit/dumpmaker.h
unit_tests += testsuite/unit/test-dump-read
testsuite_unit_test_dump_read_SOURCES = testsuite/unit/test-dump-read.c testsuite/unit/dumpmaker.h
unit_tests += testsuite/unit/test-dump-chunk
testsuite_unit_test_dump_chunk_SOURCES = testsuite/unit/test-dump-chunk.c
