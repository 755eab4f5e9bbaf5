# Minidumps, of Windows and of Linux.  `make check-minidump` runs these alone.
minidump_tests =
minidump_tests += testsuite/minidump/corpus.sh
minidump_tests += testsuite/minidump/lldb-old.test
minidump_tests += testsuite/minidump/lldb-new.test
minidump_tests += testsuite/minidump/trim.sh
TESTS += $(minidump_tests)
EXTRA_DIST += testsuite/minidump/check_truth.py testsuite/minidump/lldb.sh

check-minidump: all
	$(MAKE) check TESTS='$(minidump_tests)'
.PHONY: check-minidump
