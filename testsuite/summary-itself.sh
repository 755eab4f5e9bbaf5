#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# testsuite/summary must count rightly, and must not take a skip of what has to run for good.
set -u
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
status=0

# result NAME RESULT: as automake's driver leaves it; no file for NONE
result() {
	mkdir -p "$work/$(dirname "$1")"
	if [ "$2" != NONE ]; then
		printf ':test-result: %s\n:global-test-result: %s\n' "$2" "$2" >"$work/$1.trs"
		printf 'reason of %s\n%s %s (exit status: 1)\n' "$1" "$2" "$1" >"$work/$1.log"
	fi
	echo "$1 $work/$1.trs" >>"$work/list"
}

# expect STATUS LASTLINE: with the results so far and the expectations on standard input
expect() {
	cat >"$work/expected"
	"$top_srcdir/testsuite/summary" "$work/list" "$work/expected" >"$work/out" 2>&1
	got=$?
	if [ $got -ne "$1" ] || [ "$(tail -n 1 "$work/out")" != "$2" ]; then
		echo "status $got, not $1, or the last line is not \"$2\":"
		cat "$work/out"
		status=1
	fi
	rm -rf "$work"/*
}

result a PASS
result b PASS
result c SKIP
expect 0 '2 passed, 0 failed, 1 skipped' </dev/null

result a PASS
result b SKIP
expect 1 '1 passed, 1 failed, 0 skipped' <<'E2'
# a comment
b       # always
E2

result a PASS
result b SKIP
expect 1 '1 passed, 1 failed, 0 skipped' <<'E2'
b sh
E2

result a PASS
result b SKIP
expect 0 '1 passed, 0 failed, 1 skipped' <<'E2'
b 3.99
b no-such-program-anywhere
E2

# what pip cannot fetch: there is no network
result a PASS
result b SKIP
PIP_NO_INDEX=1
export PIP_NO_INDEX
expect 0 '1 passed, 0 failed, 1 skipped' <<'E2'
b pip:pyheapdump==0.2.8
E2

# the corpus beside the repository, a variable, a module of Go without a network
PYHEAP_CORPUS=$work-corpus
export PYHEAP_CORPUS
mkdir -p "$PYHEAP_CORPUS/s390x"
touch "$PYHEAP_CORPUS/s390x/core.zst"
result a PASS
result b SKIP
expect 1 '1 passed, 1 failed, 0 skipped' <<'E2'
b corpus:*/core.zst env:PYHEAP_CORPUS
E2
rm -rf "$PYHEAP_CORPUS"
result a PASS
result b SKIP
result c SKIP
result d SKIP
GOPROXY=off GOFLAGS=-modcacherw GOMODCACHE=$work-go
export GOPROXY GOFLAGS GOMODCACHE
expect 0 '1 passed, 0 failed, 3 skipped' <<'E2'
b corpus:*/core.zst
c env:NO_SUCH_VARIABLE
d go:example.org/module@v1.0.0
E2
rm -rf "$GOMODCACHE"

result unit/x PASS
result unit/y SKIP
result other SKIP
expect 1 '1 passed, 1 failed, 1 skipped' <<'E2'
unit/*
E2

# an expected test that nobody runs any more, and one that was not reached
result a PASS
expect 1 '1 passed, 1 failed, 0 skipped' <<'E2'
gone
E2
result a PASS
result b NONE
expect 1 '1 passed, 1 failed, 0 skipped' </dev/null

result a FAIL
result b ERROR
result c XPASS
result d PASS
expect 1 '1 passed, 3 failed, 0 skipped' </dev/null

# nothing at all is not a success
result a SKIP
expect 1 '0 passed, 0 failed, 1 skipped' </dev/null
exit $status
