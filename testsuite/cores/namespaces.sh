#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Variables of modules, class bodies and what exec() runs: listed, in order, without code; bounded in JSON and in text.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
for version in system 3.8 3.13; do
	python=$(need_python "$version") || continue
	seen=$((seen + 1))
	rm -rf "$work/crash"
	need_core "$work/crash" "$python" "$cores/namespaces_program.py"
	core=$work/crash/core
	run 0 "$CORE2PYHEAP" --report=json -o "$work/dump" "$core" "$python"
	cp "$work/out" "$work/report.json"
	json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "<module>", "Body", "die"]'
	json_check '[[l["name"] for l in f["locals"]][:7] for f in r["threads"][0]["frames"]] == [
		["first", "password", "_private", "instance", "index", "v0000", "v0001"], ["given", "colour"], ["size"], []]'
	json_check 'all(l["kind"] == "local" for f in r["threads"][0]["frames"] for l in f["locals"])'
	json_check '[f.get("locals_omitted") for f in r["threads"][0]["frames"]] == [208, None, None, None]'
	json_check 'len(r["threads"][0]["frames"][0]["locals"]) == 1000'
	json_check '["namespace" in f for f in r["threads"][0]["frames"]] == [True, True, True, False]'
	json_check 'r["threads"][0]["frames"][0]["locals"][0]["repr"] == "'"'number one'"'"'
	json_check 'r["threads"][0]["frames"][0]["locals"][1]["redacted"] and "hunter2" not in str(r)'
	run 0 "$PYHEAP" report --json "$work/dump"
	check "the dump's report differs" cmp -s "$work/report.json" "$work/out"
	run 0 "$CORE2PYHEAP" --no-dump "$core" "$python"
	out_says "^      first += 'number one'"
	out_says "^      … and 1188 more$"
	out_says "^      size = 17$"
	check "too many variables" [ "$(grep -c '^      v[0-9]* *=' "$work/out")" -le 20 ]
	cp "$work/out" "$work/text"
	run 0 "$PYHEAP" report "$work/dump"
	check "the dump's text differs" cmp -s "$work/text" "$work/out"
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
