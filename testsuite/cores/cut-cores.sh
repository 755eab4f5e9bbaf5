#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A core cut at any byte: all that can still be read, status 1 and the missing ranges in `damage`; without its notes
# status 3.  Cut at every power of two, in and around the headers, the notes and the ends of segments.
. "$top_srcdir/testsuite/cores/common.sh"
command -v readelf >/dev/null || skip "no readelf"
python=$(need_python system 3.11 3.12 3.10 3.13 3.9 3.8) || skip "no Python"
need_core "$work/crash" "$python" "$cores/crash.py"
core=$work/crash/core
size=$(wc -c <"$core")

# file offset and size of the notes and the segments, decimal
readelf -lW "$core" | awk '$1 == "NOTE" || $1 == "LOAD" { print $1, $2, $5 }' | while read -r type offset filesz; do
	echo "$type $((offset)) $((filesz))"
done >"$work/headers"
notes_end=$(awk '$1 == "NOTE" { print $2 + $3 }' "$work/headers")
notes_start=$(awk '$1 == "NOTE" { print $2 }' "$work/headers")
[ -n "$notes_end" ] || exit 99

{
	n=1
	while [ "$n" -lt "$size" ]; do
		echo "$n"
		n=$((n * 2))
	done
	for n in 0 5 16 63 65 120 121; do
		echo "$n"
	done
	echo $((notes_start - 1)) $((notes_start)) $((notes_start + 20)) $((notes_end - 4)) $((notes_end)) $((notes_end + 1))
	# the ends of segments: twelve of them, evenly chosen, and the last
	awk '$1 == "LOAD" && $3 > 0 { print $2 + $3 }' "$work/headers" | sort -n >"$work/ends"
	count=$(wc -l <"$work/ends")
	awk -v step="$((count / 12 + 1))" 'NR % step == 1 { print $1 - 1; print $1; print $1 + 1 } ' "$work/ends"
	for percent in 10 30 50 70 90 99; do
		echo $((size / 100 * percent))
	done
	echo $((size - 1))
} | tr ' ' '\n' | sort -n -u | awk -v size="$size" '$1 < size' >"$work/lengths"

run 0 "$CORE2PYHEAP" --no-dump --report=json "$core" "$python"
json_check 'r["image"]["complete"] is True and not r["damage"]'
version=$("$PYTHON3" -c 'import json, sys; print(json.load(open(sys.argv[1]))["python"]["version"])' "$work/out")
threads=$("$PYTHON3" -c 'import json, sys
r = json.load(open(sys.argv[1])); print(len(r["threads"]) + len(r["native_threads"]))' "$work/out")
# `whole` holds the fullest report; a cut one may only lack things
cp "$work/out" "$work/whole.json"

# cut from the longest to the shortest, in place
cp "$core" "$work/cut"
sort -n -r "$work/lengths" >"$work/descending"
while read -r length; do
	truncate -s "$length" "$work/cut"
	touch -r "$core" "$work/cut"
	if [ "$length" -lt "$notes_start" ]; then
		run 3 "$CORE2PYHEAP" --no-dump --report=json "$work/cut" "$python"
		one_line_error "."
	elif [ "$length" -lt "$notes_end" ]; then
		run "1 3" "$CORE2PYHEAP" --no-dump --report=json "$work/cut" "$python"
	else
		run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/cut" "$python"
	fi
	failed_before=$failures
	if [ "$status" = 1 ]; then
		json_check 'r["image"]["complete"] is False and r["damage"] and all(d["where"] and d["what"] for d in r["damage"])'
		json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
		json_check 'all(sum(int(x, 16) * s for x, s in zip(d["where"][7:].split("-"), (-1, 1)))
			== int(d["what"].split()[0]) for d in r["damage"] if d["where"].startswith("memory 0x"))'
		check "more than two warnings" [ "$(wc -l <"$work/err")" -le 2 ]
	fi
	if [ "$status" = 1 ] && [ "$length" -ge "$notes_end" ]; then
		# the version by the module's name at least, and every thread with its registers
		json_check '"'"$version"'".startswith(r["python"]["version"])'
		json_check 'len(r["threads"]) + len(r["native_threads"]) >= '"$threads"
		json_check '[t["pc"]["offset"] for t in r["threads"] + r["native_threads"] if t["crashed"]]'
	fi
	[ "$failures" -eq "$failed_before" ] || echo "  cut at $length of $size (notes end at $notes_end)"
done <"$work/descending"
no_dump_left

# only the last bytes, of [vsyscall] or the stack's beginning, are missing: nothing of Python's is
cp "$core" "$work/cut"
truncate -s $((size - 1)) "$work/cut"
touch -r "$core" "$work/cut"
run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/cut" "$python"
json_check '[f["function"] for f in r["threads"][0]["frames"]][-2:] == ["main", "handle"]'
json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][-1]["locals"]}["item"] == "'"'three'"'"'
json_check 'r["python"]["version"] == "'"$version"'"'

# The kernel writes by address.  A program that is not a shared library's user has _PyRuntime and what malloc() gave
# it at the bottom: thread states are there when nothing above is.
if ! ldd "$python" | grep -q libpython; then
	low=$(readelf -lW "$core" | awk '$1 == "LOAD" && $3 < "0x00007" { print $2, $5 }' | while read -r offset filesz; do
		echo $((offset + filesz))
	done | sort -n | tail -n 1)
	for length in $((low)) $(((low + size) / 2)); do
		cp "$core" "$work/cut"
		truncate -s "$length" "$work/cut"
		for how in "$python" "--sysroot=$work/cwd"; do
			run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/cut" "$how"
			json_check 'r["python"]["version"] == "'"$version"'"'
			json_check 'r["threads"][0]["crashed"] and r["threads"][0]["pc"] and len(r["threads"]) == 2'
			json_check 'any(d["where"] == "interpreters" and "not in the core" in d["what"] for d in r["damage"])'
		done
	done
	run 1 "$CORE2PYHEAP" --no-dump "$work/cut" "$python"
	out_says "its Python frames could not be read"
fi

# Without the C stack of the main thread, which comes last: the frames are on the data stack since 3.11, and on the heap
# before.  Functions that C code calls, generators and a recursion are among them.
for version in system 3.8 3.12 3.13; do
	other=$(need_python "$version") || continue
	rm -rf "$work/stack"
	need_core "$work/stack" "$other" "$cores/cut_program.py"
	stack=$(readelf -lW "$work/stack/core" | awk '$1 == "LOAD" && $3 >= "0x00007ff000000000" && $3 < "0x0000800000000000" {
		print $2, $3 }' | sort -k 2 | tail -n 1)
	run 0 "$CORE2PYHEAP" --no-dump --report=json "$work/stack/core" "$other"
	"$PYTHON3" -c 'import json, sys
print([(f["function"], f["line"], f["locals"]) for f in json.load(open(sys.argv[1]))["threads"][0]["frames"]])' \
		"$work/out" >"$work/stack/want"
	truncate -s $((${stack% *})) "$work/stack/core"
	touch -d '2040-01-01' "$work/stack/core"
	for how in "$other" "--sysroot=$work/cwd"; do
		run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/stack/core" "$how"
		json_check '[(f["function"], f["line"], f["locals"]) for f in r["threads"][0]["frames"]] ==
			eval(open("'"$work/stack/want"'").read())'
		json_check 'len(r["threads"][0]["frames"]) >= 48 and r["threads"][0]["crashed"]'
		json_check 'r["image"]["complete"] is False and not [d for d in r["damage"] if "lost" in d["what"]]'
	done
done

# without the program, and with nothing but the notes
cp "$core" "$work/cut"
truncate -s $((notes_end + 1)) "$work/cut"
run 1 "$CORE2PYHEAP" --no-dump "$work/cut"
out_says "LWP [0-9]+, whose Python state could not be read"
out_says "python +3"

# one without Python stays so, and says that it is cut
need_core "$work/shell" sh -c 'kill -ABRT $$'
size_of_shell=$(wc -c <"$work/shell/core")
truncate -s $((size_of_shell / 2)) "$work/shell/core"
run 3 "$CORE2PYHEAP" --no-dump "$work/shell/core"
err_says "no Python found.*cut"

# the dump of a cut core is a whole dump
cp "$core" "$work/cut"
truncate -s $((size / 10 * 9)) "$work/cut"
run 1 "$CORE2PYHEAP" --report=json "$work/cut" "$python"
cp "$work/out" "$work/cut.json"
run "0 1" "$PYHEAP" report --json cut.pyheap
check "pyheap report --json is not the report of the cut core" cmp -s "$work/cut.json" "$work/out"
finish
