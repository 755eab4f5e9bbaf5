#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps that Breakpad's client writes of a Python that it is in, and Mozilla's port of it of another process: with stacks only
# the report says so; with the heap registered as application memory it is all there.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/minidump
writers=$("$here/get-breakpad" 2>"$work/why") || skip "$(tail -n 1 "$work/why")"

says_signal() { # says_signal HOW: Breakpad's program died, the other was asked
	case $1 in
	breakpad*) json_check 'r["image"]["signal"] == {"number": 11, "name": "SIGSEGV", "address": "0x0"}' ;;
	*) json_check 'r["image"]["signal"] is None' ;;
	esac
}

stacks_only() { # stacks_only VERSION FILE HOW
	run 1 "$CORE2PYHEAP" --no-dump "$2"
	out_says "^  python     $1"
	out_says '^2 threads whose Python state could not be read:'
	out_says '^  LWP [0-9]+.* at .*lib.*\.so'
	out_says 'heap: is not in this minidump: stacks only, written by Breakpad$'
	out_says 'heap: one that has it: .*RegisterAppMemory'
	run 1 "$CORE2PYHEAP" --no-dump --report=json "$2"
	says_signal "$3"
	json_check 'r["image"]["complete"] and "writers_program.py" in r["image"]["command"]'
}

whole() { # whole VERSION FILE HOW
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/pyheap" "$2"
	says_signal "$3"
	json_check 'r["image"]["complete"] and not r["damage"]'
	json_check 'r["python"]["version"].startswith("'"$1"'")'
	json_check '[t["name"] for t in r["threads"]] == ["MainThread", "worker"]'
	json_check '[f["function"] for f in r["threads"][0]["frames"]][:3] == ["<module>", "main", "handle"]'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][2]["locals"]}["total"] == "17"'
	json_check 'all(f["line"] for t in r["threads"] for f in t["frames"])'
	run 0 "$PYHEAP" types "$work/pyheap"
	check "$1: the one order" grep -Eq '^ *1 .*__main__.Order$' "$work/out"
	rm -f "$work/pyheap"
}

# written VERSION HOW WRITER WHERE: the program has ended by itself, so that what it left is whole
written() {
	timeout -k 5 300 "$python" "$here/writers_program.py" "$2" "$3" "$4" >"$work/said" 2>&1
	[ $? -ne 124 ] || {
		echo "not tried: $1 $2: it took more than 300 s"
		return 1
	}
}

tried=
for version in 3.8 3.11 3.13; do
	python=$("$top_srcdir/testsuite/find-pythons" --one "$version" 2>/dev/null) || continue
	for how in breakpad breakpad-memory; do
		folder=$work/$version-$how
		mkdir "$folder"
		written "$version" "$how" "$writers/libbreakpad.so" "$folder" || continue
		dump=$(find "$folder" -name '*.dmp' | head -n 1)
		if [ -z "$dump" ]; then
			echo "not tried: $version $how: $(tail -n 1 "$work/said")"
			continue
		fi
		tried=yes
		echo "$version $how: $(stat -c %s "$dump") bytes"
		case $how in
		breakpad) stacks_only "$version" "$dump" "$how" ;;
		*) whole "$version" "$dump" "$how" ;;
		esac
		rm -rf "$folder"
	done
	[ -x "$writers/write-minidump" ] || continue
	for how in rust rust-memory; do
		dump=$work/$version-$how
		written "$version" "$how" "$writers/write-minidump" "$dump" || continue
		if [ ! -s "$dump" ]; then
			echo "not tried: $version $how: $(tail -n 1 "$work/said")"
			continue
		fi
		echo "$version $how: $(stat -c %s "$dump") bytes"
		case $how in
		rust) stacks_only "$version" "$dump" "$how" ;;
		*) whole "$version" "$dump" "$how" ;;
		esac
		rm -f "$dump"
	done
done
[ -n "$tried" ] || skip "no Python that Breakpad can be in"
finish
