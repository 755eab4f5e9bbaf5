#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Where the files of a process are on this machine: moved (--solib-search-path), below another root (--sysroot, a container's),
# another one in their place; and debug files, by build-id and by .gnu_debuglink.  A library of C crashes below Python.
. "$top_srcdir/testsuite/cores/common.sh"
python=$(need_python system 3.11 3.12 3.10 3.13) || skip "no Python"
command -v objcopy >/dev/null && command -v "${CC%% *}" >/dev/null 2>&1 || skip "no C compiler and objcopy"
mkdir "$work/lib" "$work/moved" "$work/root"
cat >"$work/crash.c" <<'C'
static __attribute__((noinline, noclone)) int crash_inside(volatile int *where)
{
	return *where = 7;
}

int crash(int *where)
{
	return crash_inside(where) + 1;
}
C
build() { # build FILE VALUE
	sed "s/7/$2/" "$work/crash.c" >"$work/other.c"
	$CC -O1 -g -shared -fPIC -Wl,--build-id -o "$1" "$work/other.c" >"$work/cc.log" 2>&1 || skip "no C compiler"
}
build "$work/lib/libcrash.so" 7
id=$(readelf -n "$work/lib/libcrash.so" | sed -n 's/.*Build ID: //p')
cat >"$work/crash.py" <<'P'
import ctypes
import sys

def call(library):
    library.crash(None)

call(ctypes.CDLL(sys.argv[1]))
P
crash_with() { # crash_with FOLDER
	need_core "$work/$1" "$python" "$work/crash.py" "$work/lib/libcrash.so"
	core=$work/$1/core
}
# at SYMBOL: what the last report says of where it crashed; null for None
at() {
	json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "call"]'
	json_check 'r["image"]["signal"]["name"] == "SIGSEGV" and r["image"]["signal"]["address"] == "0x0"'
	json_check 'r["threads"][0]["pc"]["module"] == "'"$work"'/lib/libcrash.so" and r["threads"][0]["pc"]["build_id"] == "'"$id"'"'
	json_check '(r["threads"][0]["pc"]["symbol"] or "None").split("+")[0] == "'"$1"'"'
}
report() { # report SYMBOL OPTION...
	symbol=$1
	shift
	run 0 "$CORE2PYHEAP" --no-dump --report=json "$@" "$core"
	at "$symbol"
}

crash_with whole
report crash_inside
report crash_inside "$python"
report None --sysroot="$work/root"

# moved since; another in its place; none at all
mv "$work/lib/libcrash.so" "$work/moved"
report None
report crash_inside --solib-search-path="$work/moved"
report crash_inside --solib-search-path="$work/cwd:$work/moved"
build "$work/lib/libcrash.so" 8
report None
err_says 'libcrash.so.*build-id'
report crash_inside --solib-search-path="$work/moved"
cp "$work/lib/libcrash.so" "$work/cwd"
report None --solib-search-path="$work/cwd"
rm "$work/cwd/libcrash.so" "$work/lib/libcrash.so"

# a container's root: paths are those within it
mkdir -p "$work/root$work/lib"
cp "$work/moved/libcrash.so" "$work/root$work/lib"
report crash_inside --sysroot="$work/root"

# stripped: the only name left is of a function behind that one; with its debug file in one of the usual places
cp "$work/moved/libcrash.so" "$work/full.so"
objcopy --only-keep-debug "$work/full.so" "$work/libcrash.debug"
objcopy --strip-all "$work/full.so" "$work/stripped.so"
(cd "$work" && objcopy --add-gnu-debuglink=libcrash.debug stripped.so linked.so)
rm -r "$work/root"
mkdir -p "$work/root$work/lib" "$work/root/usr/lib/debug/.build-id/$(printf %.2s "$id")"
cp "$work/stripped.so" "$work/root$work/lib/libcrash.so"
report None --sysroot="$work/root"
by_id=$work/root/usr/lib/debug/.build-id/$(printf %.2s "$id")/${id#??}.debug
cp "$work/libcrash.debug" "$by_id"
report crash_inside --sysroot="$work/root"
# of another build
build "$work/other.so" 9
cp "$work/other.so" "$by_id"
report None --sysroot="$work/root"
rm "$by_id"

cp "$work/linked.so" "$work/root$work/lib/libcrash.so"
for folder in "$work/lib" "$work/lib/.debug" "/usr/lib/debug$work/lib"; do
	report None --sysroot="$work/root"
	mkdir -p "$work/root$folder"
	cp "$work/libcrash.debug" "$work/root$folder"
	report crash_inside --sysroot="$work/root"
	rm "$work/root$folder/libcrash.debug"
done
# beside the library where that was found
cp "$work/linked.so" "$work/cwd/libcrash.so"
cp "$work/libcrash.debug" "$work/cwd"
report crash_inside --solib-search-path="$work/cwd"
rm "$work/cwd/"*
no_dump_left

# the library is gone, its debug file is there
rm "$work/root$work/lib/libcrash.so"
cp "$work/libcrash.debug" "$by_id"
report crash_inside --sysroot="$work/root"
finish
