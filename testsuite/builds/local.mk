# Builds of CPython that no package holds: each runs where PYHEAP_PYTHONS names one, and says how one is made.
# `make check-builds` runs these alone; testsuite/builds/make-python makes the interpreters.
build_tests =
build_tests += testsuite/builds/conformance-2.7-ucs2.test
build_tests += testsuite/builds/conformance-2.7-debug.test
build_tests += testsuite/builds/conformance-3.6-debug.test
build_tests += testsuite/builds/conformance-3.7-debug.test
build_tests += testsuite/builds/conformance-3.8-debug.test
build_tests += testsuite/builds/conformance-3.9-debug.test
build_tests += testsuite/builds/conformance-3.9-nopymalloc.test
build_tests += testsuite/builds/conformance-3.10-debug.test
build_tests += testsuite/builds/conformance-3.11-lto.test
build_tests += testsuite/builds/conformance-3.12-debug.test
build_tests += testsuite/builds/conformance-3.11-bolt.test
build_tests += testsuite/builds/conformance-3.13-musl.test
build_tests += testsuite/builds/conformance-3.13-musl-static.test
build_tests += testsuite/builds/conformance-3.13-t.test
build_tests += testsuite/builds/conformance-3.14-t.test
build_tests += testsuite/builds/conformance-3.15-t.test
build_tests += testsuite/builds/greenlets-3.14-t.test
build_tests += testsuite/builds/heap-3.13-t.test
build_tests += testsuite/builds/heap-3.14-t.test
build_tests += testsuite/builds/heap-3.15-t.test
build_tests += testsuite/builds/conformance-3.14.0.test
build_tests += testsuite/builds/heap.test
TESTS += $(build_tests)
EXTRA_DIST += testsuite/builds/make-python

check-builds: all
	$(MAKE) check TESTS='$(build_tests)'
.PHONY: check-builds
