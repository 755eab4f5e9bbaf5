#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A thread that is in two interpreters and dies in the inner one: that one is the first, and signs the report.
. "$top_srcdir/testsuite/cores/common.sh"
tried=
for version in 3.8 3.11 3.12 3.13; do
	python=$(need_python "$version") || continue
	tried=yes
	rm -rf "$work/dead"
	need_core "$work/dead" "$python" "$cores/subinterpreters_program.py"
	for operand in "$python" --sysroot="$work/cwd"; do
		run 0 "$CORE2PYHEAP" --no-dump --report=json "$operand" "$work/dead/core"
		json_check '[(t["interpreter"], [f["function"] for f in t["frames"]]) for t in r["threads"]] ==
			[(1, ["<module>", "boom"]), (0, ["<module>", "outer"])]'
		json_check 'r["threads"][0]["crashed"] and r["threads"][0]["holds_gil"] and not r["threads"][1]["holds_gil"]'
		json_check 'r["signature"]["title"] == "ZeroDivisionError in __main__:boom"'
	done
	run 0 "$CORE2PYHEAP" --no-dump "$work/dead/core" "$python"
	out_says '^MainThread, interpreter 1, was handling:$'
done
[ "$tried" ] || skip "no Python"
finish
