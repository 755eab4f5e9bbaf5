#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps in which one word is another: signature, version, counts of 4 billion, places in the header or beyond the end, streams
# twice or over each other.  It is reported what is left, or one line says why not, whatever files of modules lie on the machine.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/minidump
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3 to alter files with"
command -v xz >/dev/null || skip "no xz"

altered() { # altered FILE OPTION...
	last="alter.py $*"
	file=$1
	shift
	check "each is a report or a line" "$PYTHON3" "$here/alter.py" "$CORE2PYHEAP" "$file" "$work/altered" "$@"
}

for name in breakpad crashpad; do
	xz -dc "$here/kept/$name-3.11.dmp.xz" >"$work/$name"
	altered "$work/$name" --sysroot="$work/cwd"
done
# with a heap, and modules that are there: what warns of their files is part of the line
if python=$(need_python system 3.11 3.12); then
	need_core "$work/made" "$python" -c 'import os; os.abort()'
	run 0 "$CORE2PYHEAP" --report=none --no-dump --trim="$work/trimmed" "$work/made/core"
	altered "$work/trimmed"
fi
finish
