# Lying cores and dumps.  A test's number of runs and seconds: PYHEAP_FUZZ_COUNT, PYHEAP_FUZZ_SECONDS, PYHEAP_FUZZ_SEED.
check_PROGRAMS += testsuite/fuzz/fuzz-core
testsuite_fuzz_fuzz_core_SOURCES =
testsuite_fuzz_fuzz_core_SOURCES += testsuite/fuzz/fuzz-core.c
testsuite_fuzz_fuzz_core_SOURCES += testsuite/fuzz/harness.c
testsuite_fuzz_fuzz_core_SOURCES += testsuite/fuzz/harness.h
testsuite_fuzz_fuzz_core_LDFLAGS = $(AM_LDFLAGS)
testsuite_fuzz_fuzz_core_LDFLAGS += -Wl,--wrap=ph_image_view,--wrap=ph_image_core_view
testsuite_fuzz_fuzz_core_LDFLAGS += -Wl,--wrap=ph_image_look_far
testsuite_fuzz_fuzz_core_LDFLAGS += -Wl,--wrap=ph_image_read,--wrap=ph_image_read_string
check_PROGRAMS += testsuite/fuzz/fuzz-dump
testsuite_fuzz_fuzz_dump_SOURCES =
testsuite_fuzz_fuzz_dump_SOURCES += testsuite/fuzz/fuzz-dump.c
testsuite_fuzz_fuzz_dump_SOURCES += testsuite/fuzz/harness.c
testsuite_fuzz_fuzz_dump_SOURCES += testsuite/fuzz/harness.h
check_PROGRAMS += testsuite/fuzz/fuzz-minidump
testsuite_fuzz_fuzz_minidump_SOURCES =
testsuite_fuzz_fuzz_minidump_SOURCES += testsuite/fuzz/fuzz-minidump.c
testsuite_fuzz_fuzz_minidump_SOURCES += testsuite/fuzz/harness.c
testsuite_fuzz_fuzz_minidump_SOURCES += testsuite/fuzz/harness.h
fuzz_tests += testsuite/fuzz/fuzz-core.sh
fuzz_tests += testsuite/fuzz/fuzz-minidump.sh
fuzz_tests += testsuite/fuzz/fuzz-dump.sh
CLEANFILES += testsuite/fuzz/kept*
