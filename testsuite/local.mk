# Tests run by automake's parallel driver: exit 0 passed, 77 skipped, 99 broken, anything else failed.
TEST_EXTENSIONS = .sh .py .test
SH_LOG_COMPILER = $(SHELL)
PY_LOG_COMPILER = $(PYTHON)

# Every test finds these in its environment; paths are absolute.
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CORE2PYHEAP='$(abs_top_builddir)/converter/core2pyheap'; export CORE2PYHEAP; \
	PYHEAP='$(abs_top_builddir)/analyzer/pyheap'; export PYHEAP; \
	PYTHON3='$(PYTHON)'; export PYTHON3; \
	CC='$(CC)'; export CC;

# Unit tests: check_PROGRAMS that are TESTS as well.  They link with all rooms.
unit_tests =
include testsuite/unit/base.mk
include testsuite/unit/image.mk
include testsuite/unit/layout.mk
include testsuite/unit/target.mk
include testsuite/unit/object.mk
include testsuite/unit/runtime.mk
include testsuite/unit/detect.mk
include testsuite/unit/heap.mk
include testsuite/unit/record.mk
include testsuite/unit/extract.mk
include testsuite/unit/dump.mk
include testsuite/unit/graph.mk
include testsuite/unit/command.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
