#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Lying dumps: fuzz-dump.c.  A dump with a finding is kept, so that --only= repeats it.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
fuzz=$top_builddir/testsuite/fuzz/fuzz-dump
[ -x "$fuzz" ] || exit 99
python=$(need_python system 3.11 3.12 3.13 3.10 3.9 3.8) || skip "no Python"
need_core "$work/crash" "$python" "$cores/crash.py"
XDG_CACHE_HOME=/dev/null # thousands of dumps, each asked once
export XDG_CACHE_HOME
run 0 "$CORE2PYHEAP" --report=none -o "$work/dump.pyheap" "$work/crash/core" "$python"
checks=$((checks + 1))
"$fuzz" --seed="${PYHEAP_FUZZ_SEED:-1}" --count="${PYHEAP_FUZZ_COUNT:-2000}" --seconds="${PYHEAP_FUZZ_SECONDS:-12}" \
	"$work/dump.pyheap" || {
	kept=$top_builddir/testsuite/fuzz/kept.pyheap
	cp "$work/dump.pyheap" "$kept"
	fail "the dump is kept as $kept"
}
finish
