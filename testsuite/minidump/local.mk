# Minidumps, of Windows and of Linux.  `make check-minidump` runs these alone.
minidump_tests =
minidump_tests += testsuite/minidump/corpus.sh
TESTS += $(minidump_tests)
EXTRA_DIST += testsuite/minidump/check_truth.py

check-minidump: all
	$(MAKE) check TESTS='$(minidump_tests)'
.PHONY: check-minidump
