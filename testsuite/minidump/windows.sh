#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps with full memory that each Python of PYHEAP_WINDOWS_PYTHONS (colon-separated python.exe or pythonXY.dll, 64-bit and
# 32-bit; get-windows-pythons fetches some) writes of itself under Wine, against what it wrote down: threads, frames, lines,
# locals, exceptions, some thirty objects; and the same of the minidump that --trim makes of it.
. "$top_srcdir/testsuite/cores/common.sh"
here=$(cd "$top_srcdir" && pwd)/testsuite/minidump
[ -n "${PYHEAP_WINDOWS_PYTHONS-}" ] || skip "no Windows Pythons: set PYHEAP_WINDOWS_PYTHONS (get-windows-pythons fetches some)"
command -v wine >/dev/null || skip "no wine"

# What tells a Python from others: its library, beside the program or in the folder above.
library_of() {
	find "$(dirname "$1")" -maxdepth 1 -name 'python[23][0-9]*.dll' -exec cksum {} + 2>/dev/null | head -n 1 | cut -d' ' -f1,2
}

tried= done=
IFS=:
for python in $PYHEAP_WINDOWS_PYTHONS; do
	unset IFS
	[ -f "$python" ] || continue
	# each once, whatever the list has of it: those of Maven have a second program in bin/, away from the library
	library=$(library_of "$python")
	above=$(dirname "$(dirname "$python")")/python.exe
	if [ -z "$library" ] && [ -f "$above" ]; then
		python=$above
		library=$(library_of "$python")
	fi
	case $done in
	*"[${library:-$python}]"*) continue ;;
	esac
	rm -f "$work/truth" "$work/dmp" "$work/dmp.part"
	"$here/run-windows" "$work" "$python" "$here/windows_program.py" "Z:$work/truth" "Z:$work/dmp" >"$work/said" 2>&1
	if [ ! -s "$work/dmp" ]; then
		said=$(tail -n 1 "$work/said")
		echo "not tried: $python: ${said:-it wrote no dump in the time that run-windows gives}"
		continue
	fi
	tried=yes
	done="$done[${library:-$python}]"
	version=$(sed -n '1s/^# \([0-9.]*\).* \(32\|64\) bit.*/\1, \2-bit/p' "$work/truth")
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/pyheap" "$work/dmp"
	mv "$work/out" "$work/report"
	run 0 "$PYTHON3" "$here/check_truth.py" "$PYHEAP" "$work/report" "$work/pyheap" "$work/truth"
	echo "$version: $(tail -n 1 "$work/out")"
	[ "$status" -eq 0 ] || cat "$work/out"
	json_check 'not r["damage"] and r["image"]["complete"] and r["image"]["os"] == "windows"' "$work/report"
	# who writes it by ctypes has let go of the GIL
	json_check 'not [t for t in r["threads"] if (t["waiting_for"] or {}).get("what") == "gil"]' "$work/report"
	run 0 "$PYHEAP" types "$work/pyheap"
	check "$version: the accounts on the heap" grep -Eq '^ *50[0-9] .*__main__.Account$' "$work/out"
	run 0 "$PYHEAP" verify "$work/pyheap"
	# the program's own files below a sysroot: the full dump needs none
	run 0 "$CORE2PYHEAP" --no-dump --explain --sysroot="$(dirname "$python")" --report=none "$work/dmp"
	err_says '\.(exe|dll): file .*, build-id '
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/small.pyheap" --trim="$work/small" "$work/dmp"
	run 0 "$CORE2PYHEAP" --redact=none --report=json --no-dump "$work/small"
	check "$version: the report of what was trimmed" cmp "$work/report" "$work/out"
	rm -f "$work"/*pyheap "$work/dmp" "$work/small"
	IFS=:
done
unset IFS
[ -n "$tried" ] || skip "none of PYHEAP_WINDOWS_PYTHONS ran under Wine"
finish
