#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps that Crashpad's handler writes of a Python: stacks only, and the report says so and all that stacks give: version,
# signal, threads with their names, where they stand, what the program noted for its crash reports.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/minidump
handler=$("$here/get-crashpad" 2>"$work/why") || skip "$(cat "$work/why")"

tried=
for version in 3.8 3.11 3.13; do
	python=$("$top_srcdir/testsuite/find-pythons" --one "$version" 2>/dev/null) || continue
	folder=$work/$version
	mkdir "$folder"
	timeout -k 5 300 "$python" "$here/writers_program.py" crashpad "$handler" "$folder" >"$work/said" 2>&1
	[ $? -ne 124 ] || rm -f "$folder"/*.dmp # not whole
	dump=$(find "$folder" -name '*.dmp' | head -n 1)
	if [ -z "$dump" ]; then
		echo "not tried: $version: $(tail -n 1 "$work/said")"
		continue
	fi
	tried=yes
	echo "$version: $(stat -c %s "$dump") bytes"
	run 1 "$CORE2PYHEAP" --no-dump "$dump"
	out_says '^SIGABRT: abort\(\) was called, in process [0-9]+$'
	out_says "^  python     $version"
	out_says '^  thread     shop, LWP [0-9]+, whose Python state could not be read$'
	out_says '^  notes      api_key=.*redacted.*$'
	out_says '^             product=shop$'
	out_says '^             process_started=20[0-9T:Z-]*, [0-9]+ s before the dump$'
	out_says '^             os_build=Linux '
	out_says '^  LWP [0-9]+ \(shop\), crashed, at '
	out_says '^2 threads whose Python state could not be read:'
	out_says 'heap: is not in this minidump: stacks only, written by Crashpad$'
	out_says 'heap: one that has it: Crashpad holds the memory that a program adds .*gcore'
	# its list of modules has names of libraries without a path: they are found by their build-ids
	run 1 "$CORE2PYHEAP" --no-dump --report=none --explain "$dump"
	err_says 'module libc\.so\.6: file /.*/libc\.so\.6, build-id'
	run 1 "$CORE2PYHEAP" --report=json -o "$work/pyheap" "$dump"
	cp "$work/out" "$work/json"
	json_check 'r["image"]["kind"] == "minidump" and r["image"]["os"] == "linux" and r["image"]["complete"]'
	json_check 'r["image"]["signal"] == {"number": 6, "name": "SIGABRT", "address": None}'
	json_check 'r["image"]["annotations"]["product"] == "shop" and "hunter2" not in str(r)'
	json_check '[t["name"] for t in r["native_threads"] if t["crashed"]] == ["shop"] and len(r["native_threads"]) == 2'
	json_check 'all(t["pc"]["module"] and t["pc"]["build_id"] for t in r["native_threads"])'
	run 1 "$PYHEAP" report --json "$work/pyheap"
	check "$version: the dump's report" cmp "$work/out" "$work/json"
	rm -f "$work/pyheap"
	# what is trimmed says the same
	run 1 "$CORE2PYHEAP" --report=none --trim="$work/trimmed" "$dump"
	run 1 "$CORE2PYHEAP" --no-dump "$work/trimmed"
	out_says ' product=shop$'
	out_says 'stacks only, written by Crashpad'
	rm -f "$work/trimmed"
done
[ -n "$tried" ] || skip "no Python that Crashpad's handler can dump"
finish
