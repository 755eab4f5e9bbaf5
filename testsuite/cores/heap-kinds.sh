#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# One object of each of some two hundred kinds that C makes, a native module's too, against sys.getsizeof and
# gc.get_referents of the process itself.  And what Python 2 calls text is shown as that.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
for version in ${*:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}; do
	python=$(need_python "$version") || continue
	seen=$((seen + 1))
	rm -rf "$work/made" "$work/native"
	mkdir "$work/native"
	include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
	native=
	if command -v cc >/dev/null && [ -e "$include/Python.h" ]; then
		check "no native module" cc -O1 -w -shared -fPIC "-I$include" -o "$work/native/heap_kinds_native.so" "$cores/heap_kinds_native.c"
		native=$work/native
	fi
	need_core "$work/made" "$python" "$cores/heap_kinds_program.py" "$work/truth" $native
	# with the executable, whose symbols make no difference to this, for some
	case $version in 2.7 | 3.8 | system) executables="$python -" ;; *) executables=- ;; esac
	for executable in $executables; do
		executable=${executable#-}
		run 0 "$CORE2PYHEAP" --report=none -o "$work/dump" "$work/made/core" $executable
		run 0 "$PYHEAP" export "$work/dump"
		"$PYTHON3" "$cores/heap_kinds_check.py" "$work/truth" <"$work/out" >"$work/differ" ||
			fail "Python $version${executable:+, with the executable}"
		cat "$work/differ"
		rm -f "$work/dump"
	done
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
