#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The first half of `make bench`: the report of a core of about 700 MB against gdb's native backtrace and pystack's stacks, the
# peak of resident memory, and whether the time grows with the heap.  Prints ratios; exit 1 when a goal is missed.
#
# environment: BENCH_INSTANCES (1000000), BENCH_RUNS (5), BENCH_PYTHON (the distribution's, else 3.11 or another),
# BENCH_DIR (a scratch folder, removed afterwards unless given; 2 GB), BENCH_PYSTACK (the program; else from PyPI)
# shellcheck source=/dev/null
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${CORE2PYHEAP:=${top_builddir:-$top_srcdir}/converter/core2pyheap}" "${PYTHON3:=python3}"
instances=${BENCH_INSTANCES:-1000000}
runs=${BENCH_RUNS:-5}
here=$top_srcdir/bench
[ -x "$CORE2PYHEAP" ] || { echo "bench: $CORE2PYHEAP was not built" >&2; exit 1; }

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
small=$((instances / 100))

make_core() { # FOLDER INSTANCES
	[ -s "$dir/$1/core" ] && return
	"$top_srcdir/testsuite/cores/make-core" "$dir/$1" "$python" "$here/heap.py" "$2" || {
		echo "bench: no core could be made of $python" >&2
		exit 1
	}
}
make_core big "$instances"
make_core small "$small"
echo "$("$python" -V 2>&1) ($python), $instances instances: a core of $(($(stat -c %s "$dir/big/core") / 1000000)) MB," \
	"$(($(stat -c %b "$dir/big/core") * 512 / 1000000)) MB of them on disk; medians of $runs runs, caches warm"

set -- "core2pyheap --heap=none::$CORE2PYHEAP --no-dump --heap=none $dir/big/core $python" \
	"core2pyheap, core alone::$CORE2PYHEAP --no-dump --heap=none --sysroot=$dir/empty $dir/big/core"
mkdir -p "$dir/empty" "$dir/dumps"
cd "$dir/dumps" || exit 1

missed=0
goal() { # WHAT VALUE RELATION LIMIT
	if awk "BEGIN { exit !($2 $3 $4) }"; then
		printf '  %-60s %8.3f   goal %s %s: met\n' "$1" "$2" "$3" "$4"
	else
		printf '  %-60s %8.3f   goal %s %s: MISSED\n' "$1" "$2" "$3" "$4"
		missed=1
	fi
}
# `value NAME KEY`: from the JSON line of the last measurement
value() {
	tail -n 1 "$dir/measured" | "$PYTHON3" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]][sys.argv[2]])' "$@"
}
measure() {
	"$PYTHON3" "$here/measure.py" "$runs" "$@" >"$dir/measured" || { cat "$dir/measured"; exit 1; }
	sed '$d' "$dir/measured"
}

echo "== the report with all locals"
gdb=no
if command -v gdb >/dev/null; then
	gdb=yes
	set -- "$@" "gdb: load, native backtrace::gdb -nx -batch -iex 'set debuginfod enabled off' -ex bt $python $dir/big/core"
else
	echo "  skipped: gdb (not installed)"
fi
pystack=${BENCH_PYSTACK-}
if [ -z "$pystack" ]; then
	[ -x "$dir/pystack/bin/pystack" ] || {
		"$PYTHON3" -m venv "$dir/pystack" && "$dir/pystack/bin/pip" install -q pystack
	} >"$dir/pip.log" 2>&1
	[ -x "$dir/pystack/bin/pystack" ] && pystack=$dir/pystack/bin/pystack
fi
if [ -n "$pystack" ] && "$pystack" core "$dir/small/core" "$python" >/dev/null 2>&1; then
	set -- "$@" "pystack: stacks::$pystack core $dir/big/core $python" \
		"pystack: stacks and locals::$pystack core --locals $dir/big/core $python"
else
	echo "  skipped: pystack (it cannot be had here, or does not open this core)"
	pystack=
fi
measure "$@"
ours=$(value "core2pyheap --heap=none" wall)
[ $gdb = no ] || goal "time, of gdb's" "$(awk "BEGIN { print $ours / $(value "gdb: load, native backtrace" wall) }")" "<=" 0.1
[ -z "$pystack" ] || goal "time, of pystack's" "$(awk "BEGIN { print $ours / $(value "pystack: stacks" wall) }")" "<=" 0.25
goal "peak resident, MiB" "$(value "core2pyheap --heap=none" mib)" "<=" 40

echo "== does it grow with the heap?"
measure "$small instances::$CORE2PYHEAP --no-dump --heap=none $dir/small/core $python" \
	"$instances instances::$CORE2PYHEAP --no-dump --heap=none $dir/big/core $python"
goal "a heap 100 times as large: time" \
	"$(awk "BEGIN { print $(value "$instances instances" wall) / $(value "$small instances" wall) }")" "<=" 1.5

script=${top_builddir:-$top_srcdir}/gdb-scripts/pyheap-gdb.py
if [ $gdb = yes ] && [ -f "$script" ]; then
	echo "== in gdb"
	with="gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' -ex 'source $script'"
	set -- "gdb: start::gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' $python $dir/big/core" \
		"gdb: py-exc-print::$with -ex py-exc-print $python $dir/big/core" \
		"gdb: py-bt::$with -ex py-bt $python $dir/big/core" \
		"gdb: py-heap types::$with -ex 'py-heap types' $python $dir/big/core" \
		"core2pyheap --heap=full::$CORE2PYHEAP --report=none -o $dir/dumps/full.pyheap $dir/big/core $python"
	libpython=/usr/share/gdb/auto-load$(realpath "$python")-gdb.py
	[ -f "$libpython" ] || libpython=$(realpath "$python")-gdb.py
	[ ! -f "$libpython" ] || set -- "$@" "gdb: py-bt of libpython.py::gdb -nx -batch -iex 'set debuginfod enabled off' \
		-iex 'set auto-load no' -ex 'source $libpython' -ex py-bt $python $dir/big/core"
	measure "$@"
	start=$(value "gdb: start" wall)
	for command in py-exc-print py-bt; do
		goal "$command: time, of gdb's own start" "$(awk "BEGIN { print $(value "gdb: $command" wall) / $start }")" "<=" 1.2
	done
	[ ! -f "$libpython" ] || goal "py-bt: time, of libpython.py's" \
		"$(awk "BEGIN { print $(value "gdb: py-bt" wall) / $(value "gdb: py-bt of libpython.py" wall) }")" "<=" 1
	goal "py-heap types: time, of core2pyheap --heap=full" \
		"$(awk "BEGIN { print $(value "gdb: py-heap types" wall) / $(value "core2pyheap --heap=full" wall) }")" "<=" 1.3
else
	echo "  skipped: the commands in gdb (no gdb here, or its module was not built)"
fi

echo "== the part for Python debuggers"
measure "dump without it::$CORE2PYHEAP --report=none --no-pickle -o $dir/dumps/without.pyheap $dir/big/core $python" \
	"dump with it::$CORE2PYHEAP --report=none -o $dir/dumps/with.pyheap $dir/big/core $python"
# of the processor's time: the disk's varies by more than the bound
goal "the pickle: time of conversion, of that without" "$(awk "BEGIN { print $(value "dump with it" cpu) / $(value "dump without it" cpu) }")" "<=" 1.1
"$CORE2PYHEAP" --report=none --heap=stacks -o "$dir/dumps/stacks.pyheap" "$dir/big/core" "$python" 2>/dev/null
goal "a dump of the stacks, MB" "$(($(stat -c %s "$dir/dumps/stacks.pyheap") / 1000000))" "<" 20
open="$PYTHON3 -I $top_srcdir/pdb/pyheap-pdb"
set -- "pyheap-pdb, to the prompt::$open $dir/dumps/stacks.pyheap"
python27=$("$top_srcdir/testsuite/find-pythons" --one 2.7 2>/dev/null)
if [ -n "$python27" ] && "$python27" -m pip install --quiet --disable-pip-version-check --no-deps --target "$dir/py27" \
	pyheapdump==0.2.8 sPickle==0.1.11 >"$dir/pip27.log" 2>&1; then
	set -- "$@" "pyheapdump, to the prompt::env PYTHONPATH=$dir/py27 $python27 -m pyheapdump -d pdb $dir/dumps/stacks.pyheap"
else
	echo "  skipped: pyheapdump (no Python 2.7, or no network)"
	python27=
fi
measure "$@"
for reader in pyheap-pdb ${python27:+pyheapdump}; do
	goal "$reader: seconds to the prompt" "$(value "$reader, to the prompt" wall)" "<=" 2
	goal "$reader: peak resident, MiB" "$(value "$reader, to the prompt" mib)" "<=" 200
done

echo "== for comparison: report and dump"
measure "report and dump::$CORE2PYHEAP -o $dir/dumps/big.pyheap $dir/big/core $python" \
	"report, no redaction::$CORE2PYHEAP --no-dump --redact=none $dir/big/core $python" \
	"--report=json::$CORE2PYHEAP --no-dump --report=json $dir/big/core $python"
echo "  the dump: $(($(stat -c %s "$dir/dumps/big.pyheap") / 1000)) kB"

exit $missed
