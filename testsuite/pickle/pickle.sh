#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The pickle of the conformance cores, opcode by opcode against its rules, and its frames, lines and locals against the truth.
. "$top_srcdir/testsuite/cores/common.sh"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3 to look with"
here=$top_srcdir/testsuite/pickle
tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}; do
	python=$(need_python "$version") || continue
	for mode in excepthook segv; do
		core=$("$cores/get-core" "$version" $mode 2>"$work/err") || skip "no cores can be made here"
		run 0 "$CORE2PYHEAP" --report=none --redact=none -o "$work/dump.pyheap" "$core/core" "$python"
		check "the pickle of $version, $mode" "$PYTHON3" "$here/check_pickle.py" "$work/dump.pyheap" "$core/gt.json"
	done
	run 0 "$CORE2PYHEAP" --report=none --pickle-objects=50 -o "$work/dump.pyheap" "$core/core" "$python"
	check "a pickle of 50 objects" "$PYTHON3" "$here/check_pickle.py" --bound 50 "$work/dump.pyheap"
	run 0 "$CORE2PYHEAP" --report=none --redact=values -o "$work/dump.pyheap" "$core/core" "$python"
	check "a pickle without values" "$PYTHON3" "$here/check_pickle.py" "$work/dump.pyheap"
	run 0 "$CORE2PYHEAP" --report=none --no-pickle -o "$work/dump.pyheap" "$core/core" "$python"
	check "--no-pickle leaves none" sh -c '! grep -aq x.python-heapdump "$1"' - "$work/dump.pyheap"
	run 0 "$PYHEAP" report "$work/dump.pyheap"
	tried="$tried $version"
done
[ -n "$tried" ] || skip "no Python"
echo "tried:$tried"
finish
