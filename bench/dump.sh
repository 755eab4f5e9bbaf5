#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The second half of `make bench`: the dump of the whole heap against `gzip -1` of the same core, its memory and its size,
# whether time grows with the heap, and how quickly the verbs answer.  Prints ratios; exit 1 when a goal is missed.
#
# environment: BENCH_INSTANCES (1000000), BENCH_LARGE (2900000: a core of more than 2 GB; 0: none), BENCH_RUNS (5),
# BENCH_PYTHON, BENCH_DIR (as in run.sh; 8 GB)
# shellcheck source=/dev/null
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${CORE2PYHEAP:=${top_builddir:-$top_srcdir}/converter/core2pyheap}" "${PYHEAP:=${top_builddir:-$top_srcdir}/analyzer/pyheap}"
: "${PYTHON3:=python3}"
instances=${BENCH_INSTANCES:-1000000}
large=${BENCH_LARGE:-2900000}
runs=${BENCH_RUNS:-5}
here=$top_srcdir/bench
if [ -n "${BENCH_DIR-}" ]; then
	dir=$BENCH_DIR
	mkdir -p "$dir"
else
	dir=$(mktemp -d "${TMPDIR:-/tmp}/pyheap-bench.XXXXXX") || exit 1
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' HUP INT TERM
fi
python=${BENCH_PYTHON-}
for version in system 3.11 3.12 3.10 3.13 3.9 3.8; do
	[ -n "$python" ] || python=$("$top_srcdir/testsuite/find-pythons" --one $version 2>/dev/null)
done
[ -n "$python" ] || { echo "bench: no Python" >&2; exit 1; }

make_core() { # FOLDER PROGRAM INSTANCES
	[ -s "$dir/$1/core" ] && return
	"$top_srcdir/testsuite/cores/make-core" "$dir/$1" "$python" "$here/$2" "$3" || {
		echo "bench: no core could be made of $python" >&2
		exit 1
	}
}
# room for the large one, its dump and the others: else it is left out
[ "$large" -eq 0 ] || [ "$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')" -gt $((large * 4 + 4000000)) ] || {
	echo "  skipped: a core of $large instances (the disk has no room for it)"
	large=0
}
missed=0
goal() { # WHAT VALUE RELATION LIMIT
	if awk "BEGIN { exit !($2 $3 $4) }"; then
		printf '  %-60s %8.3f   goal %s %s: met\n' "$1" "$2" "$3" "$4"
	else
		printf '  %-60s %8.3f   goal %s %s: MISSED\n' "$1" "$2" "$3" "$4"
		missed=1
	fi
}
value() { # NAME KEY: from the JSON line of the last measurement
	tail -n 1 "$dir/measured" | "$PYTHON3" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]][sys.argv[2]])' "$@"
}
measure() {
	"$PYTHON3" "$here/measure.py" "$@" >"$dir/measured" || { cat "$dir/measured"; exit 1; }
	sed '$d' "$dir/measured"
}
divide() { # A B
	awk "BEGIN { print ($1) / ($2) }"
}
objects_of() { # DUMP
	"$PYTHON3" -c '
import json, sys, zipfile
print(json.loads(zipfile.ZipFile(sys.argv[1]).read("object/address/.zarray"))["shape"][0])' "$1"
}
dump="$CORE2PYHEAP --report=none --progress=never"

one_core() { # FOLDER RUNS
	core=$dir/$1/core
	out=$dir/$1/dump.pyheap
	echo "== $1: $(($(stat -c %s "$core") / 1000000)) MB, $(($(stat -c %b "$core") * 512 / 1000000)) MB of them on disk"
	name=$1 rounds=$2
	measure "$rounds" "gzip -1::sh -c 'gzip -1 <$core >/dev/null'" "dump::$dump -o $out $core $python" \
		"dump, one processor::$dump --jobs=1 -o $dir/$name/one.pyheap $core $python"
	cmp -s "$dir/$name/one.pyheap" "$out" || { echo "  one processor writes other bytes than several: MISSED"; missed=1; }
	rm -f "$dir/$name/one.pyheap"
	n=$(objects_of "$out")
	bytes=$(stat -c %s "$core")
	size=$(stat -c %s "$out")
	limit=$(awk "BEGIN { print (64e6 + 40 * $n) / 1048576 }")
	echo "  $n objects; $(awk "BEGIN { printf \"%.2f\", $n / $(value dump wall) / 1e6 }") million a second"
	goal "$name: processor time by one processor, of gzip's" \
		"$(divide "$(value "dump, one processor" cpu)" "$(value "gzip -1" cpu)")" "<=" 0.5
	[ "$(nproc)" -lt 2 ] || goal "$name: processor time by all, of gzip's" "$(divide "$(value dump cpu)" "$(value "gzip -1" cpu)")" "<=" 0.5
	[ "$(nproc)" -lt 2 ] || goal "$name: wall time, of gzip's" "$(divide "$(value dump wall)" "$(value "gzip -1" wall)")" "<=" 0.3
	goal "$name: anonymous memory, MiB" "$(value dump anonymous)" "<=" "$limit"
	goal "$name: resident memory, MiB" "$(value dump mib)" "<=" "$(awk "BEGIN { print $limit + $bytes / 2 / 1048576 }")"
	conversion=$(value dump wall)
}

make_core big heap.py "$instances"
make_core eighth heap.py $((instances / 8))
make_core random random_heap.py $((instances * 9 / 10))	# as many objects as the first
[ "$large" -eq 0 ] || make_core large heap.py "$large"

one_core big "$runs"
of_big=$(value dump cpu)
goal "big: size, of the core's" "$(divide "$size" "$bytes")" "<=" 0.12

echo "== pyheap on that dump"
address=$(unzip -p "$out" closure.jsonl | grep -m 1 '"type":"Order"' | sed 's/.*"address":"\(0x[0-9a-f]*\)".*/\1/;q')
[ -n "$address" ] || address=$(unzip -p "$out" closure.jsonl | head -n 1 | cut -d'"' -f4)
for verb in types print referents referrers path; do
	"$PYHEAP" --help | grep -q "^  $verb " || { echo "  skipped: pyheap $verb (there is none yet)"; continue; }
	operand=$address
	[ $verb != types ] || operand=
	XDG_CACHE_HOME=$dir/cache
	export XDG_CACHE_HOME
	measure 3 "cold::sh -c 'rm -rf $dir/cache && $PYHEAP $verb $out $operand'"
	goal "pyheap $verb, cold, of the conversion" "$(divide "$(value cold wall)" "$conversion")" "<=" 1
	measure "$runs" "pyheap $verb::$PYHEAP $verb $out $operand"
	goal "pyheap $verb, warm, seconds" "$(value "pyheap $verb" wall)" "<=" 0.1
done

echo "== does it grow with the heap?"
measure "$runs" "an eighth::$dump -o $dir/eighth/dump.pyheap $dir/eighth/core $python" \
	"the whole::$dump -o $out $dir/big/core $python"
goal "processor time an object, of that in a heap an eighth as large" \
	"$(awk "BEGIN { print $(value "the whole" cpu) / $(objects_of "$out") / $(value "an eighth" cpu) * $(objects_of "$dir/eighth/dump.pyheap") }")" "<=" 1.15

one_core random "$runs"
[ -n "$(command -v zstd)" ] && goal "random: size, of what zstd -3 makes of the core" \
	"$(divide "$size" "$(zstd -3 -q -c "$dir/random/core" | wc -c)")" "<=" 1
[ "$large" -eq 0 ] || {
	made=$(objects_of "$dir/big/dump.pyheap") took=$of_big
	one_core large 1
	goal "processor time an object, of that in the heap of $made objects" \
		"$(awk "BEGIN { print $(value dump cpu) / $n / $took * $made }")" "<=" 1.15
}
exit $missed
