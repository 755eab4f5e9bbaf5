# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests of this folder: a scratch folder, real cores, and checks that say what failed.
#
#	. "$top_srcdir/testsuite/cores/common.sh"
#	python=$(need_python 3.11)
#	need_core dir "$python" program.py
#	run 3 "$CORE2PYHEAP" --no-dump /dev/null
#	one_line_error 'not a core'
#	finish
#
# The status of a test: 0 passed, 77 what it needs is not on this machine, 1 a check failed, 99 the test itself is broken.

cores=$top_srcdir/testsuite/cores
LC_ALL=C.UTF-8
export LC_ALL
# A sanitizer's finding must not look like one of our exit statuses.
ASAN_OPTIONS=exitcode=86:${ASAN_OPTIONS-}
UBSAN_OPTIONS=exitcode=86:print_stacktrace=1:${UBSAN_OPTIONS-}
export ASAN_OPTIONS UBSAN_OPTIONS
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

work=$(mktemp -d "${TMPDIR:-/tmp}/pyheap-test.XXXXXX") || exit 99
mounted=
clean_up() {
	for m in $mounted; do
		umount "$m" 2>/dev/null
	done
	chmod -R u+rwX "$work" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 99' HUP INT TERM
# the default name of a dump is in the current folder
mkdir "$work/cwd" && cd "$work/cwd" || exit 99

checks=0
failures=0
seconds=${PYHEAP_TEST_SECONDS:-60} # no run may take longer

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	failures=$((failures + 1))
	echo "FAILED: $*"
	[ -z "${last-}" ] || echo "  command: $last"
	if [ -s "$work/err" ]; then
		echo "  standard error:"
		head -c 2000 "$work/err" | sed 's/^/    /'
	fi
}

check() { # check WHAT COMMAND...: the command must succeed
	checks=$((checks + 1))
	what=$1
	shift
	"$@" || fail "$what"
}

# run STATUS COMMAND...: output in $work/out, errors in $work/err, the exit status in $status.
# STATUS may list several: "0 1".
run() {
	wanted=$1
	shift
	last=$*
	timeout -k 5 "$seconds" "$@" >"$work/out" 2>"$work/err" </dev/null
	judge
}

judge() {
	status=$?
	checks=$((checks + 1))
	case " $wanted " in
	*" $status "*) return 0 ;;
	esac
	case $status in
	124 | 137) fail "took more than $seconds s" ;;
	*) fail "exit status $status, not $wanted" ;;
	esac
	return 1
}

# The last run printed exactly one line on standard error, and it has TEXT (an extended regular expression) in it.
one_line_error() {
	checks=$((checks + 1))
	if [ "$(wc -l <"$work/err")" -ne 1 ]; then
		fail "$(wc -l <"$work/err") lines on standard error, not one"
	elif ! grep -Eq -e "$1" "$work/err"; then
		fail "standard error does not say \"$1\""
	elif grep -q "$(printf '[\001-\011\013-\037]')" "$work/err"; then
		fail "control characters on standard error"
	elif [ "$(wc -c <"$work/err")" -gt 1000 ]; then
		fail "the one line on standard error is $(wc -c <"$work/err") bytes long"
	fi
}

err_says() {
	checks=$((checks + 1))
	grep -Eq -e "$1" "$work/err" || fail "standard error does not say \"$1\""
}

out_says() {
	checks=$((checks + 1))
	grep -Eq -e "$1" "$work/out" || fail "standard output does not say \"$1\""
}

no_dump_left() { # in the current folder, partial ones included
	checks=$((checks + 1))
	left=$(ls -A .)
	[ -z "$left" ] || fail "left behind: $left"
}

# A JSON expression over the last run's output, in Python: `r` is the report.
json_check() {
	checks=$((checks + 1))
	[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || return 0
	"$PYTHON3" -c '
import json, sys
try:
    r = json.load(open(sys.argv[1], encoding="utf-8", errors="strict"))
except ValueError as e:
    sys.exit("  not JSON: %s" % e)
sys.exit(0 if eval("(%s)" % sys.argv[2]) else 1)
' "${2:-$work/out}" "$1" || fail "not true of the JSON: $1"
}

# The path of an interpreter: the first that is there of the versions asked for ("system" is the distribution's).
need_python() {
	for v in "$@"; do
		"$top_srcdir/testsuite/find-pythons" --one "$v" 2>/dev/null && return 0
	done
	return 1
}

# need_core DIR PROGRAM...: DIR/core of a program that dies; skips the test where cores cannot be made.
need_core() {
	"$cores/make-core" "$@"
	made=$?
	[ $made -ne 77 ] || skip "no cores can be made here"
	if [ $made -ne 0 ]; then
		cat "$1/output"
		echo "no core of: $*"
		exit 99
	fi
}

finish() {
	echo "$((checks - failures)) of $checks checks hold"
	[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ] && exit 0
	exit 1
}
