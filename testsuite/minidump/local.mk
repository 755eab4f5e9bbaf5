# Minidumps, of Windows and of Linux.  `make check-minidump` runs these alone.
minidump_tests =
minidump_tests += testsuite/minidump/altered.sh
minidump_tests += testsuite/minidump/breakpad.sh
minidump_tests += testsuite/minidump/corpus.sh
minidump_tests += testsuite/minidump/crashpad.sh
minidump_tests += testsuite/minidump/kept.sh
minidump_tests += testsuite/minidump/lldb-old.test
minidump_tests += testsuite/minidump/lldb-new.test
minidump_tests += testsuite/minidump/trim.sh
minidump_tests += testsuite/minidump/windows.sh
minidump_tests += testsuite/minidump/windows-pyinstaller.sh
minidump_tests += testsuite/minidump/windows-styles.sh
TESTS += $(minidump_tests)
EXTRA_DIST += testsuite/minidump/alter.py testsuite/minidump/check_truth.py testsuite/minidump/lldb.sh
EXTRA_DIST += testsuite/minidump/writers_program.py testsuite/minidump/get-crashpad testsuite/minidump/get-breakpad
EXTRA_DIST += testsuite/minidump/kept
EXTRA_DIST += testsuite/minidump/breakpad.cc testsuite/minidump/write_minidump.rs
EXTRA_DIST += testsuite/minidump/windows_program.py testsuite/minidump/get-windows-pythons
EXTRA_DIST += testsuite/minidump/windows_embed.c testsuite/minidump/freeze.py testsuite/minidump/run-windows

check-minidump: all
	$(MAKE) check TESTS='$(minidump_tests)'
.PHONY: check-minidump
