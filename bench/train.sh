#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a profile-guided build learns from (configure --enable-optimizations): reports, dumps and the verbs, run once each over
# small cores of the programs that `make bench` measures with.
#
# usage: train.sh FOLDER FLAGS     writes FLAGS, or nothing and why to standard error, into FOLDER/flags
# environment: as in dump.sh; the cores are made in FOLDER and removed
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${CORE2PYHEAP:=${top_builddir:-$top_srcdir}/converter/core2pyheap}" "${PYHEAP:=${top_builddir:-$top_srcdir}/analyzer/pyheap}"
dir=$1 flags=$2
cd "$dir" || exit 1

plain() { # WHY
	echo "core2pyheap: the build is not profile-guided: $1" >&2
	rm -rf cores counts dump.pyheap
	: >flags
	exit
}
run() {
	"$@" >/dev/null 2>>log || plain "\`$*\` ended with status $?, see $dir/log"
}

train() { # FOLDER PROGRAM INSTANCES TYPE
	core=$dir/cores/$1/core type=$4 status=0
	"$top_srcdir/testsuite/cores/make-core" "$dir/cores/$1" "$python" "$top_srcdir/bench/$2" "$3" >>log 2>&1 || status=$?
	[ $status -ne 77 ] || plain "this machine keeps no cores (core_pattern, ulimit -c), and has no gdb to make one"
	[ $status -eq 0 ] || plain "$python left no core of bench/$2"
	# the whole heap most of all: by one thread and by several
	run "$CORE2PYHEAP" --report=none --jobs=1 -o dump.pyheap "$core" "$python"
	run "$CORE2PYHEAP" --report=none --jobs=2 -o dump.pyheap "$core" "$python"
	run "$CORE2PYHEAP" --no-dump "$core" "$python"
	run "$CORE2PYHEAP" --no-dump --report=json --sysroot="$dir/counts" "$core"
	for verb in report types roots garbage memory verify export; do
		run "$PYHEAP" --no-pager $verb dump.pyheap
	done
	address=$("$PYHEAP" find --limit=1 --json dump.pyheap "$type" 2>>log | sed -n 's/^{"address":"\(0x[0-9a-f]*\)".*/\1/p')
	for operand in "$type" "$address"; do
		run "$PYHEAP" --no-pager referrers dump.pyheap "$operand"
	done
	for verb in print referents path; do
		run "$PYHEAP" --no-pager $verb dump.pyheap "$address"
	done
	rm -rf cores dump.pyheap
}

python=
for version in system 3.11 3.12 3.10 3.13 3.9 3.8; do
	[ -n "$python" ] || python=$("$top_srcdir/testsuite/find-pythons" --one $version 2>/dev/null)
done
[ -n "$python" ] || plain "there is no CPython here whose core could be made"
export XDG_CACHE_HOME="$dir/cores/cache"
train regular heap.py 20000 Order
train random random_heap.py 18000 Node
rm -f log
printf '%s\n' "$flags" >flags
