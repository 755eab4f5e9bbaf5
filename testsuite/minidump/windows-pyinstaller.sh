#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A one-file program of PyInstaller's for Windows, made and run under Wine, the files that it unpacked gone: a minidump with full
# memory, against what the process wrote down.  pip fetches PyInstaller once; it takes minutes.
. "$top_srcdir/testsuite/cores/common.sh"
here=$(cd "$top_srcdir" && pwd)/testsuite/minidump
[ -n "${PYHEAP_WINDOWS_PYTHONS-}" ] || skip "no Windows Pythons: set PYHEAP_WINDOWS_PYTHONS (get-windows-pythons fetches some)"
command -v wine >/dev/null || skip "no wine"
python=$(echo "$PYHEAP_WINDOWS_PYTHONS" | tr : '\n' | grep -E '/3\.11\.[0-9]+/' | head -n 1)
[ -f "$python" ] || skip "no 64-bit Python 3.11 among PYHEAP_WINDOWS_PYTHONS"
RUN_WINDOWS_SECONDS=600
export RUN_WINDOWS_SECONDS
kept=${PYHEAP_CORES:-$top_builddir/testsuite/cores/made}/pyinstaller-windows
if [ ! -d "$kept" ]; then
	"$PYTHON3" -m pip install -q --target "$work/site" --platform win_amd64 --python-version 3.11 --implementation cp \
		--only-binary=:all: pyinstaller pywin32-ctypes pefile 'setuptools<75' >"$work/said" 2>&1 ||
		skip "pip: $(tail -n 1 "$work/said")"
	mkdir -p "$(dirname "$kept")"
	mv "$work/site" "$kept"
fi
kept=$(cd "$kept" && pwd)
"$here/run-windows" "$work" "$python" "$here/freeze.py" "Z:$kept" "Z:$work" "Z:$here/windows_program.py" >"$work/said" 2>&1
program=$work/dist/windows_program.exe
[ -s "$program" ] || skip "no program was made: $(tail -n 1 "$work/said")"
"$here/run-windows" --frozen "$work" "$program" "Z:$work/truth" "Z:$work/dmp" >"$work/said" 2>&1
[ -s "$work/dmp" ] || skip "the program does not run: $(tail -n 1 "$work/said")"
for sysroot in "" "--sysroot=$work/cwd"; do
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/pyheap" ${sysroot:+"$sysroot"} "$work/dmp"
	mv "$work/out" "$work/report"
	run 0 "$PYTHON3" "$here/check_truth.py" "$PYHEAP" "$work/report" "$work/pyheap" "$work/truth"
	tail -n 1 "$work/out"
	[ "$status" -eq 0 ] || cat "$work/out"
	json_check 'not r["damage"] and r["image"]["complete"]' "$work/report"
	json_check 'r["python"]["executable"].endswith("\\windows_program.exe")' "$work/report"
	rm -f "$work/pyheap"
done
finish
