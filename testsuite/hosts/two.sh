#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Two libpythons in a process, of two versions or one mapped twice: the one that runs is chosen, and the report says that
# there is another.
. "$top_srcdir/testsuite/cores/common.sh"
library() {
	"$1" -c 'import sysconfig as s, os; v = s.get_config_var
p = os.path.join(v("LIBDIR"), v("INSTSONAME") or "")
print(p if ".so" in p and os.path.isfile(p) else "")'
}
first=$(need_python 3.11 system) && second=$(need_python 3.13 3.12 3.10) || skip "no two versions of Python"
a=$(library "$first") b=$(library "$second")
[ -n "$a" ] && [ -n "$b" ] || skip "no two libpythons"
mkdir "$work/copy"
cp "$a" "$work/copy"
copy=$work/copy/$(basename "$a")
${CC:-cc} -O1 -o "$work/two" "$top_srcdir/testsuite/hosts/two.c" -ldl >"$work/cc.log" 2>&1 || skip "no C compiler"

# pair PYTHON RUNS OTHER [PYTHON]: with the latter's interpreter the other one runs as well
pair() {
	home=$("$1" -c 'import sys; print(sys.base_prefix)')
	version=$("$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
	runs=$2 other=$3
	rm -rf "$work/core"
	if [ -n "${4-}" ]; then
		set -- "$runs" "$other" crash "$("$4" -c 'import sys; print(sys.base_prefix)')"
	else
		set -- "$runs" "$other" crash
	fi
	GT_HOME=$cores PYTHONHOME=$home need_core "$work/core" "$work/two" "$@"
	for operand in "$work/two" --sysroot="$work/cwd"; do
		run 0 "$CORE2PYHEAP" --no-dump --report=json "$operand" "$work/core/core"
		json_check 'r["python"]["version"] == "'"$version"'" and not r["damage"]'
		json_check '[t["frames"][-1]["function"] for t in r["threads"]] == ["handle", "wait_for_work"]'
		json_check 'r["python"]["other"] == "'"$other"'"'
	done
	run 0 "$CORE2PYHEAP" --no-dump "$work/core/core"
	out_says '^  python .*; left out is another, .*libpython'
}
pair "$first" "$a" "$b"
pair "$second" "$b" "$a"
pair "$first" "$a" "$copy"
pair "$first" "$copy" "$a"
# both run: the one that died is reported, whichever was mapped first
pair "$first" "$a" "$b" "$second"
pair "$second" "$b" "$a" "$first"
pair "$first" "$copy" "$a" "$first"
pair "$first" "$a" "$copy" "$first"
# one file mapped twice
pair "$first" "$a" "$a"
finish
