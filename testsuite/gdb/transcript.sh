#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The transcript in README.md is what gdb prints.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
[ -f "$top_builddir/gdb-scripts/pyheap-gdb.py" ] || skip "the module for gdb was not built"
command -v gdb >/dev/null || skip "no gdb here"
python=$(need_python system 3.11 3.12 3.13) || skip "no Python here"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || python=$(need_python 3.11 3.12 3.13) || skip "no Python 3.11 or newer"
run 0 "$top_srcdir/doc/gdb-transcript" "$python" "$top_builddir/gdb-scripts/pyheap-gdb.py"
sed -n '/^<!-- doc\/gdb-transcript -->$/,/^<!-- end -->$/p' "$top_srcdir/README.md" | sed -n '/^```$/,/^```$/p' | sed '/^```$/d' >"$work/readme"
check "there is a transcript in README.md" [ -s "$work/readme" ]
check "it is what gdb prints" cmp "$work/readme" "$work/out"
[ "$failures" -eq 0 ] || diff "$work/readme" "$work/out"

# the example for CI: two crashes of one bug, and a program that is not Python
core=$("$cores/get-core" 3.11 abort 2>/dev/null) || core=$("$cores/get-core" system abort 2>/dev/null) || skip "no core here"
mkdir "$work/cores"
ln "$core/core" "$work/cores/core.1" 2>/dev/null || cp "$core/core" "$work/cores/core.1"
cp "$work/cores/core.1" "$work/cores/core.2"
echo nothing >"$work/cores/core.3"
run 0 "$top_srcdir/doc/gdb-cores-summary" "$top_builddir/gdb-scripts/pyheap-gdb.py" "$work/cores"
out_says '^\| 2 \| `1:[0-9a-f]{8} ValueError in __main__:handle`'
out_says '^\| 1 \| `no Python to be read: core.3`'
finish
