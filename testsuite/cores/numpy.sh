#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# numpy's arrays: the buffer's bytes are counted, dtype, base and the items of arrays of objects are edges.
. "$top_srcdir/testsuite/cores/common.sh"
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "no numpy (Debian: python3-numpy)"
"$cores/make-core" "$work/made" "$python" "$cores/numpy_program.py" "$work/truth"
status=$?
[ $status -ne 77 ] || skip "this machine lets no core be made"
[ $status -eq 0 ] || { cat "$work/made/output"; fail "no core"; finish; }
for executable in "$python" ""; do
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump" "$work/made/core" $executable
	check "arrays${executable:+, with the executable}" "$PYTHON3" "$cores/numpy_check.py" "$PYHEAP" "$work/dump" "$work/truth"
	rm -f "$work/dump"
done
finish
