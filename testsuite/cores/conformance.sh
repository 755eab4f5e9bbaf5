#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The interpreter as the oracle: one Python version dies in six ways, and what we print is held against what it wrote of
# itself, with the executable given and with the core alone.
#
# usage: conformance.sh VERSION|VERSION-debug|system [MODE...]
#
# For each core: the report (check_report.py), the objects of the dump (check_objects.py), every frame and simple local in
# pyheap-pdb (check_pdb.py, with the executable), the dump's own report against the converter's (`cmp`), `unzip -t`, exit status 0 and nothing but progress on stderr.
set -u
here=$(cd "$(dirname "$0")" && pwd)
version=$1
shift
modes=${*:-abort segv fatal excepthook gcdel recurse}
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"

command -v unzip >/dev/null || { echo "no unzip here"; exit 77; }
"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
"$here/../find-pythons" --one "$version" || "$here/get-root" "$version" || {
	case $version in
	*-t | *-t-* | *-ucs2 | *-nopymalloc | *-lto | *-bolt | *-musl | *-static | 2.7-debug | 3.[6-9]-debug | 3.1[02]-debug)
		echo "no Python $version here: testsuite/builds/make-python $version makes one for PYHEAP_PYTHONS"
		;;
	*) echo "no Python $version here" ;;
	esac
	exit 77
}
for program in "$CORE2PYHEAP" "$PYHEAP"; do
	[ -x "$program" ] || { echo "FAILED: $program was not built"; exit 1; }
done

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
mkdir "$work/empty"
failures=0

fail() {
	echo "FAILED: Python $version, $mode, $way: $*"
	failures=$((failures + 1))
}

# expect_ok WHAT COMMAND...: its output is shown when it fails, its last line when not
expect_ok() {
	what=$1
	shift
	if timeout 300 "$@" >"$work/out" 2>&1; then
		tail -n 1 "$work/out"
	else
		status=$?
		fail "$what (status $status)"
		tail -n 60 "$work/out" | sed 's/^/    /'
	fi
}

# check WAY OPTION-OR-OPERAND...: all that is held of one core in one way of opening it
check() {
	way=$1
	shift
	alone=
	[ "$way" = alone ] && alone=--alone
	report=$work/report.json dump=$work/$mode.pyheap
	rm -f "$report" "$dump"
	timeout 300 "$CORE2PYHEAP" --report=json --redact=none -o "$dump" "$@" >"$report" 2>"$work/stderr"
	status=$?
	if [ $status -ne 0 ]; then
		fail "core2pyheap $* ended with status $status"
		sed 's/^/    /' "$work/stderr"
		"$PYTHON3" -c 'import json, sys
for d in json.load(open(sys.argv[1])).get("damage", [])[:20]: print("    damage:", d)' "$report" 2>/dev/null
	fi
	[ -s "$report" ] || { fail "no report"; return; }
	expect_ok "the report" "$PYTHON3" "$here/check_report.py" --tasks "$report" "$core/gt.json"
	[ -s "$dump" ] || { fail "no dump"; return; }
	expect_ok "the objects" "$PYTHON3" "$here/check_objects.py" $alone "$PYHEAP" "$dump" "$core/gt.json"
	expect_ok "unzip -t" unzip -tq "$dump"
	[ "$alone" ] || expect_ok "pyheap-pdb" "$PYTHON3" "$here/../pickle/check_pdb.py" "$PYTHON3" "$here/../../pdb/pyheap-pdb" \
		"$dump" "$core/gt.json"
	if "$PYHEAP" report --json "$dump" >"$work/again.json" 2>"$work/stderr"; then
		cmp "$report" "$work/again.json" || fail "pyheap report --json differs from core2pyheap --report=json"
	else
		fail "pyheap report --json ended with status $?"
		sed 's/^/    /' "$work/stderr"
	fi
}

for mode in $modes; do
	way=core
	core=$("$here/get-core" "$version" "$mode")
	status=$?
	if [ $status -ne 0 ]; then
		[ $status -eq 77 ] && exit 77
		fail "no core (status $status)"
		continue
	fi
	python=$(cat "$core/python")
	echo "== Python $version ($python), $mode, with the executable"
	if [ -s "$core/root" ]; then
		check executable --sysroot="$(cat "$core/root")" "$core/core"
	else
		check executable "$core/core" "$python"
	fi
	echo "== Python $version, $mode, core alone"
	check alone --sysroot="$work/empty" "$core/core"
done
[ $failures -eq 0 ] && exit 0
echo "$failures failures"
exit 1
