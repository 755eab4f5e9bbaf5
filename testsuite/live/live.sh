#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# core2pyheap --pid over running processes of each version: sleeping, computing, in malloc, collecting, with many threads.
. "$top_srcdir/testsuite/live/common.sh"

"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}; do
	python=$(need_python "$version") || continue
	start "$python" busy
	run 0 "$convert" --pid="$pid" --report=json -o "$work/busy.pyheap"
	err_says "^core2pyheap: process $pid stood still for [0-9.]+ m?s\$"
	mv "$work/out" "$work/busy.json"
	judge_report busy "$work/busy.json" "$pid"
	goes_on
	run 0 "$PYHEAP" report --json "$work/busy.pyheap"
	check "the dump has the same report" cmp "$work/out" "$work/busy.json"
	run "0 1" "$convert" --pid="$pid" --no-stop --no-dump --report=json
	json_check 'r["image"]["kind"] == "live" and "MainThread" in [t["name"] for t in r["threads"]]'
	goes_on
	computes
	end
	tried="$tried $version"
done
[ -n "$tried" ] || skip "no Python"
echo "tried:$tried"

finish
