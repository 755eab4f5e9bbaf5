#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Lying minidumps: fuzz-minidump.c, over two synthetic ones, real ones of Breakpad and Crashpad, and what --trim makes of a core
# and of a minidump of Windows.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
fuzz=$top_builddir/testsuite/fuzz/fuzz-minidump
[ -x "$fuzz" ] || exit 99
set -- -
if python=$(need_python system 3.11 3.12); then
	"$cores/make-core" "$work/crash" "$python" "$cores/crash.py" &&
		"$CORE2PYHEAP" --report=none --trim="$work/trimmed" "$work/crash/core" 2>/dev/null && set -- "$work/trimmed"
fi
for file in "${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}"/wine-*crash*/core.dmp.xz; do
	[ -f "$file" ] || continue
	"$CORE2PYHEAP" --report=none --trim="$work/windows" "$file" 2>/dev/null && set -- "$@" "$work/windows"
done
if command -v xz >/dev/null; then
	for name in breakpad crashpad; do
		xz -dc "$top_srcdir/testsuite/minidump/kept/$name-3.11.dmp.xz" >"$work/$name" && set -- "$@" "$work/$name"
	done
fi
checks=$((checks + 1))
"$fuzz" --seed="${PYHEAP_FUZZ_SEED:-1}" --count="${PYHEAP_FUZZ_COUNT:-20000}" --seconds="${PYHEAP_FUZZ_SECONDS:-20}" "$@" ||
	fail "a minidump"
finish
