#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Lying cores of several versions: fuzz-core.c.  A core with a finding is kept, so that --only= repeats it.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
fuzz=$top_builddir/testsuite/fuzz/fuzz-core
[ -x "$fuzz" ] || exit 99
seed=${PYHEAP_FUZZ_SEED:-1}
versions=${PYHEAP_TEST_VERSIONS:-system 3.8 3.12 3.13}
set -- $versions
# enough for most of the mutations on an idle machine, under the sanitizers too
end=$(($(date +%s) + ${PYHEAP_FUZZ_SECONDS:-100}))
left=$#

mkdir "$work/empty"
tried=
for version in $versions; do
	# what the others did not need is the next one's
	share=$(((end - $(date +%s)) / left))
	[ "$share" -gt 5 ] || share=5
	left=$((left - 1))
	python=$(need_python "$version") || continue
	tried="$tried $version"
	need_core "$work/crash" "$python" "$cores/crash.py"
	# the core alone has more to find out, the executable gives more to read
	case $version in
	system | 3.12) set -- "$python" ;;
	*) set -- "" "$work/empty" ;;
	esac
	checks=$((checks + 1))
	"$fuzz" --seed="$seed" --count="${PYHEAP_FUZZ_COUNT:-600}" --seconds="$share" "$work/crash/core" "$@" || {
		kept=$top_builddir/testsuite/fuzz/kept-$version.core
		cp --sparse=always "$work/crash/core" "$kept" 2>/dev/null
		fail "Python $version; the core is kept as $kept"
	}
done
# the same memory as a core of macOS
if python=$(need_python 3.13) && [ -n "$PYTHON3" ]; then
	need_core "$work/crash" "$python" "$cores/crash.py"
	"$PYTHON3" "$cores/elf2macho.py" "$work/crash/core" /lib/libpython3.13.dylib "$work/macho.core"
	checks=$((checks + 1))
	"$fuzz" --seed="$seed" --count=100 --seconds=20 "$work/macho.core" "" "$work/empty" || fail "a core of macOS"
fi
[ -n "$tried" ] || skip "no Python"
finish
