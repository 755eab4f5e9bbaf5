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
	CC='$(CC)'; export CC; \
	PYHEAP_KEPT="$${PYHEAP_KEPT:-$${XDG_CACHE_HOME:-$${HOME:-/var/tmp}/.cache}}"; export PYHEAP_KEPT; \
	XDG_CACHE_HOME='$(abs_top_builddir)/testsuite/cache'; export XDG_CACHE_HOME; \
	EXTERNAL_LIBS='$(EXTERNAL_LIBS)'; export EXTERNAL_LIBS; \
	LAYERS_LINK='$(LAYERS_LINK)'; export LAYERS_LINK;
if PIC_OBJECTS
if !SANITIZERS
LAYERS_LINK = yes
endif
endif

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

# Rules that a program can check.
TESTS += testsuite/check-layers
TESTS += testsuite/check-layers-itself.sh
TESTS += testsuite/summary-itself.sh

# The interpreter as the oracle, one test a version.
TESTS += testsuite/cores/conformance-2.7.test
TESTS += testsuite/cores/conformance-3.6.test
TESTS += testsuite/cores/conformance-3.7.test
TESTS += testsuite/cores/conformance-3.8.test
TESTS += testsuite/cores/conformance-3.9.test
TESTS += testsuite/cores/conformance-3.10.test
TESTS += testsuite/cores/conformance-3.11.test
TESTS += testsuite/cores/conformance-3.12.test
TESTS += testsuite/cores/conformance-3.13.test
TESTS += testsuite/cores/conformance-3.14.test
TESTS += testsuite/cores/conformance-3.15.test
TESTS += testsuite/cores/conformance-system.test
TESTS += testsuite/cores/conformance-3.11-debug.test
TESTS += testsuite/cores/conformance-3.13-debug.test
TESTS += testsuite/cores/conformance-3.14-debug.test
TESTS += testsuite/cores/conformance-3.15-debug.test
# other machines, in chroots, and cores that are not in the repository
TESTS += testsuite/cores/corpus.sh
TESTS += testsuite/cores/macho.sh
EXTRA_DIST += testsuite/cores/elf2macho.py

# Versions by kinds of core.
TESTS += testsuite/cores/subinterpreters.sh
EXTRA_DIST += testsuite/cores/subinterpreters_program.py
TESTS += testsuite/cores/kinds-newer.test
TESTS += testsuite/cores/kinds-old.test
TESTS += testsuite/cores/kinds-mid.test
TESTS += testsuite/cores/kinds-new.test
TESTS += testsuite/cores/kinds-filters.test
EXTRA_DIST += testsuite/cores/kinds.sh

# The commands in a real gdb, one test a version.
TESTS += testsuite/gdb/gdb-2.7.test
TESTS += testsuite/gdb/gdb-3.6.test
TESTS += testsuite/gdb/gdb-3.7.test
TESTS += testsuite/gdb/gdb-3.8.test
TESTS += testsuite/gdb/gdb-3.9.test
TESTS += testsuite/gdb/gdb-3.10.test
TESTS += testsuite/gdb/gdb-3.11.test
TESTS += testsuite/gdb/gdb-3.12.test
TESTS += testsuite/gdb/gdb-3.13.test
TESTS += testsuite/gdb/gdb-3.14.test
TESTS += testsuite/gdb/gdb-3.15.test
TESTS += testsuite/gdb/gdb-3.11-debug.test
TESTS += testsuite/gdb/gdb-3.14-debug.test
TESTS += testsuite/gdb/gdb-system.test
TESTS += testsuite/gdb/transcript.sh
TESTS += testsuite/gdb/terminal.py
EXTRA_DIST += testsuite/gdb/gdb_commands.py testsuite/gdb/gdb-commands.sh testsuite/gdb/gdb_test.py testsuite/gdb/gdb_objects.py \
	testsuite/gdb/live.py testsuite/gdb/live2.py testsuite/gdb/places.py testsuite/gdb/stuck.py \
	testsuite/gdb/point.c testsuite/gdb/opaque.py

# The layout tables against debug information and internal headers.
check_PROGRAMS += testsuite/layouts/dump-layout
testsuite_layouts_dump_layout_SOURCES = testsuite/layouts/dump-layout.c
EXTRA_DIST += testsuite/layouts/read-dwarf.py testsuite/layouts/macos-types.h
TESTS += testsuite/layouts/rows.py
TESTS += testsuite/layouts/machines.py

# The line tables against what the interpreters say of their own code.
check_PROGRAMS += testsuite/lines/compare-lines
testsuite_lines_compare_lines_SOURCES = testsuite/lines/compare-lines.c
EXTRA_DIST += testsuite/lines/code-lines.py
TESTS += testsuite/lines/line-tables.sh

# Other tests, one a line: TESTS += testsuite/WHAT.sh
TESTS += testsuite/train.sh
TESTS += testsuite/dump.sh
TESTS += testsuite/cores/bad-input.sh
TESTS += testsuite/cores/cut-cores.sh
TESTS += testsuite/cores/newer-python.sh
TESTS += testsuite/cores/lying-offsets.sh
TESTS += testsuite/cores/core-filters.sh
TESTS += testsuite/cores/life-stages.sh
TESTS += testsuite/cores/allocators.sh
TESTS += testsuite/cores/enum-reprs.sh
TESTS += testsuite/cores/named-files.sh
TESTS += testsuite/cores/namespaces.sh
TESTS += testsuite/cores/failing-writes.sh
TESTS += testsuite/cores/print-chain.sh
TESTS += testsuite/cores/same-bytes.sh
TESTS += testsuite/live/live.sh
TESTS += testsuite/live/odd.sh
TESTS += testsuite/live/handler.sh
TESTS += testsuite/live/coredumpctl.sh
TESTS += testsuite/live/snippets.sh
TESTS += testsuite/pickle/pickle.sh
TESTS += testsuite/pickle/pdb.sh
TESTS += testsuite/pickle/readers.sh
TESTS += testsuite/pickle/traps.sh
TESTS += testsuite/cores/secrets.sh
TESTS += testsuite/cores/tasks.sh
TESTS += testsuite/cores/greenlets.sh
TESTS += testsuite/cores/core-kinds.sh
TESTS += testsuite/cores/waits.sh
TESTS += testsuite/cores/native-symbols.sh
TESTS += testsuite/cores/heap.sh
TESTS += testsuite/cores/heap-alone.sh
TESTS += testsuite/cores/heap-newer.sh
TESTS += testsuite/cores/memory.sh
TESTS += testsuite/cores/malloc-cached.sh
TESTS += testsuite/cores/heap-allocators.sh
TESTS += testsuite/completion.sh
TESTS += testsuite/graph/verbs.sh
TESTS += testsuite/graph/damage.sh
TESTS += testsuite/graph/roots.sh
TESTS += testsuite/cores/altered-heap.sh
TESTS += testsuite/cores/cut-heap.sh
TESTS += testsuite/cores/damaged-heap.sh
TESTS += testsuite/cores/columns.sh
TESTS += testsuite/cores/heap-kinds.sh
EXTRA_DIST += testsuite/cores/heap_kinds_check.py testsuite/cores/heap_kinds_native.c testsuite/cores/heap_kinds_program.py testsuite/cores/counted_program.py
TESTS += testsuite/cores/python2-text.sh
EXTRA_DIST += testsuite/cores/python2_text_program.py
TESTS += testsuite/cores/numpy.sh
TESTS += testsuite/cores/heap-jobs.sh
TESTS += testsuite/cores/resident.sh

# Fuzzers and the like: they run in `make check`, and once more in the build with the sanitizers of `./setup check`.
fuzz_tests =
include testsuite/fuzz/local.mk
TESTS += $(fuzz_tests)

# Minidumps.
include testsuite/arch/local.mk
include testsuite/minidump/local.mk

# What CPython is inside of.
include testsuite/hosts/local.mk

# How CPython is built.
include testsuite/builds/local.mk
include testsuite/freethreaded/local.mk

check-sanitized: all
	$(MAKE) check TESTS='$(unit_tests) $(fuzz_tests)'

# `NAME RESULT-FILE` for testsuite/summary
list-tests:
	@for log in $(TEST_LOGS); do name=$${log%.log}; echo "$$name $(abs_top_builddir)/$$name.trs"; done
list-sanitized-tests:
	@for test in $(unit_tests) $(fuzz_tests); do name=$${test%.sh}; name=$${name%.py}; name=$${name%.test}; \
		echo "sanitized:$$name $(abs_top_srcdir)/build-sanitized/$$name.trs"; done
.PHONY: check-sanitized list-tests list-sanitized-tests

# Cores that the tests made, and what a profile-guided build learnt
clean-local:
	rm -rf testsuite/cores/made testsuite/cache profile
