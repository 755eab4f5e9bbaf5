#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps with full memory that each Python of PYHEAP_WINDOWS_PYTHONS (colon-separated python.exe; get-windows-pythons fills it)
# writes of itself under Wine, against what it wrote down: threads, frames, lines, locals, exceptions, some thirty objects.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/minidump
[ -n "${PYHEAP_WINDOWS_PYTHONS-}" ] || skip "no Windows Pythons: set PYHEAP_WINDOWS_PYTHONS (get-windows-pythons fetches some)"
command -v wine >/dev/null || skip "no wine"
WINEPREFIX=$work/wine WINEDEBUG=-all
export WINEPREFIX WINEDEBUG
seconds=180

# Python under Wine wants pipes for its three streams
under_wine() {
	: | timeout -k 5 "$seconds" wine "$@" 2>&1 | cat
}

tried=
under_wine wineboot -i >"$work/boot"
IFS=:
for python in $PYHEAP_WINDOWS_PYTHONS; do
	unset IFS
	[ -f "$python" ] || continue
	rm -f "$work/truth" "$work/dmp"
	under_wine "$python" "$here/windows_program.py" "Z:$work/truth" "Z:$work/dmp" >"$work/said"
	if [ ! -s "$work/dmp" ]; then
		echo "not tried: $python: $(tail -n 1 "$work/said")"
		continue
	fi
	tried=yes
	version=$(sed -n '1s/^# \([0-9.]*\).*/\1/p' "$work/truth")
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/pyheap" "$work/dmp"
	mv "$work/out" "$work/report"
	run 0 "$PYTHON3" "$here/check_truth.py" "$PYHEAP" "$work/report" "$work/pyheap" "$work/truth"
	echo "$version: $(tail -n 1 "$work/out")"
	[ "$status" -eq 0 ] || cat "$work/out"
	json_check 'not r["damage"] and r["image"]["complete"]' "$work/report"
	run 0 "$PYHEAP" types "$work/pyheap"
	check "$version: the accounts on the heap" grep -Eq '^ *50[0-9] .*__main__.Account$' "$work/out"
	# the program's own file below a sysroot: the full dump needs no other
	run 0 "$CORE2PYHEAP" --no-dump --explain --sysroot="$(dirname "$python")" --report=none "$work/dmp"
	err_says 'python.exe: file .*/python.exe, build-id'
	rm -f "$work/pyheap" "$work/dmp"
	IFS=:
done
unset IFS
timeout 20 wineserver -k 2>/dev/null
[ -n "$tried" ] || skip "none of PYHEAP_WINDOWS_PYTHONS ran under Wine"
finish
