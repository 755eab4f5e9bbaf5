# Cores of other machines, made in a chroot of Debian, under qemu-user-static where the processor cannot run them.
# `make check-arch` runs these alone.
arch_tests =
arch_tests += testsuite/arch/conformance-3.11-i386.test
arch_tests += testsuite/arch/conformance-3.11-armhf.test
arch_tests += testsuite/arch/conformance-3.13-ppc64el.test
arch_tests += testsuite/arch/heap.sh
TESTS += $(arch_tests)

check-arch: all
	$(MAKE) check TESTS='$(arch_tests)'
.PHONY: check-arch
