#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# numpy's arrays: the buffer's bytes are counted, dtype, base and the objects in arrays and records are edges, dtype and shape
# are shown.  PYHEAP_NUMPY: further interpreters that have numpy.
. "$top_srcdir/testsuite/cores/common.sh"
ran=0
for python in $("$top_srcdir/testsuite/find-pythons" | awk "{ print \$2 }") ${PYHEAP_NUMPY:-}; do
	"$python" -c 'import numpy' 2>/dev/null || continue
	echo "== $python, numpy $("$python" -c 'import numpy; print(numpy.__version__)')"
	ran=$((ran + 1))
	need_core "$work/made" "$python" "$cores/numpy_program.py" "$work/truth"
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump" "$work/made/core" "$python"
	check "arrays, with the executable" "$PYTHON3" "$cores/numpy_check.py" "$PYHEAP" "$work/dump" "$work/truth"
	rm -f "$work/dump"
	# one object in the closure: the others are in columns alone
	run 0 "$CORE2PYHEAP" --report=none --pickle-objects=1 -o "$work/dump" "$work/made/core"
	check "arrays, from the columns of the core alone" "$PYTHON3" "$cores/numpy_check.py" "$PYHEAP" "$work/dump" "$work/truth"
	rm -rf "$work/dump" "$work/made"
done
[ $ran -gt 0 ] || skip "no numpy (Debian: python3-numpy)"
finish
