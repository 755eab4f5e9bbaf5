#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a profile-guided build learns from: every program of the training run ends well, and nothing is left but the flags;
# where one does not, the flags are empty and one line says why.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
	echo "FAILED: $1"
	failures=$((failures + 1))
}

mkdir "$work/good" "$work/bad"
sh "$top_srcdir/bench/train.sh" "$work/good" "-fthe -flags" 2>"$work/stderr" || fail "train.sh ended with status $?"
case $(cat "$work/stderr") in
*"keeps no cores"* | *"no CPython here"*)
	cat "$work/stderr"
	exit 77
	;;
esac
[ "$(cat "$work/good/flags")" = "-fthe -flags" ] || { fail "no flags"; cat "$work/stderr" "$work/good/log"; }
[ "$(ls "$work/good")" = flags ] || fail "left: $(ls "$work/good")"

CORE2PYHEAP=false sh "$top_srcdir/bench/train.sh" "$work/bad" "-fthe -flags" 2>"$work/stderr" || fail "train.sh ended with status $?"
[ -f "$work/bad/flags" ] && [ ! -s "$work/bad/flags" ] || fail "flags of a run that failed"
[ ! -e "$work/bad/cores" ] || fail "cores are left"
[ "$(grep -c 'not profile-guided: .*status 1' "$work/stderr")" = 1 ] && [ "$(wc -l <"$work/stderr")" -eq 1 ] ||
	{ fail "not one line that says why:"; cat "$work/stderr"; }
[ $failures -eq 0 ]
