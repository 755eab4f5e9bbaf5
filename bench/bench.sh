#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What `make bench` runs: every figure that is promised, with the same cores; the report (run.sh), then the dump of the
# whole heap and the questions asked of it (dump.sh).  Exit 1 when a goal is missed.
#
# environment: BENCH_DIR (a scratch folder for the cores, removed afterwards unless given; 6 GB), BENCH_BUILD (how the
# programs were compiled, which is printed; from make), and what the two say
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
export top_srcdir
if [ -n "${BENCH_DIR-}" ]; then
	mkdir -p "$BENCH_DIR" || exit 1
else
	BENCH_DIR=$(mktemp -d "${TMPDIR:-/tmp}/pyheap-bench.XXXXXX") || exit 1
	trap 'rm -rf "$BENCH_DIR"' EXIT
	trap 'exit 1' HUP INT TERM
fi
export BENCH_DIR
begun=$(date +%s)
[ -z "${BENCH_BUILD-}" ] || echo "== the build: $BENCH_BUILD"
missed=0
sh "$top_srcdir/bench/run.sh" || missed=1
sh "$top_srcdir/bench/dump.sh" || missed=1
echo "== $(($(date +%s) - begun)) seconds, $([ $missed = 0 ] && echo "every goal met" || echo "goals missed: see above")"
exit $missed
