#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Python inside a C program that is not called python: dynamic, with a subinterpreter that has a thread of its own, static,
# and static stripped.  Each with the executable and core alone, held against what the program wrote of itself.
. "$top_srcdir/testsuite/cores/common.sh"
hosts=$top_srcdir/testsuite/hosts
cc=${CC:-cc}
command -v "${cc%% *}" >/dev/null || skip "no C compiler"

# build NAME FLAG...: 1 when that cannot be linked here
build() {
	name=$1
	shift
	# shellcheck disable=SC2086
	$cc -O2 -o "$work/$name" "$hosts/embed.c" "$@" >"$work/cc.log" 2>&1 && return 0
	echo "not tried: $name ($(grep -v '^ ' "$work/cc.log" | tail -n 1))"
	return 1
}

crash() { # crash NAME [ARGUMENT]: $work/NAME.d/core, gt.json
	dir=$work/$1.d
	program=$work/$1
	[ $# -lt 2 ] || dir=$work/$1-$2.d
	shift
	mkdir -p "$dir"
	GT_HOME=$cores GT_OUT=$dir GT_MODE=abort GT_N=2000 need_core "$dir" "$program" "$@"
	[ -s "$dir/gt.json" ] || {
		cat "$dir/output"
		echo "the program wrote no truth"
		exit 99
	}
}

# held OPERAND-OR-OPTION...: the report agrees with gt.json
held() {
	run 0 "$CORE2PYHEAP" --no-dump --redact=none --report=json "$@" "$dir/core"
	json_check 'r["python"]["implementation"] == "cpython" and r["image"]["complete"] is True'
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["frames"][0]["module"] == "gt3"'
	# of the subinterpreter's own threads the truth has no names: they are held apart
	"$PYTHON3" -c 'import json, sys
report, truth = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
report["threads"] = [t for t in report["threads"] if t["interpreter"] == 0]
truth["threads"] = [t for t in truth["threads"] if "name" in t]
json.dump(report, open(sys.argv[3], "w"))
json.dump(truth, open(sys.argv[4], "w"))' "$work/out" "$dir/gt.json" "$work/report.json" "$work/truth.json" || exit 99
	"$PYTHON3" "$cores/check_report.py" "$work/report.json" "$work/truth.json" >"$work/held" 2>&1
	result=$?
	check "the report is not what the program says" [ $result -eq 0 ]
	[ $result -eq 0 ] || tail -n 30 "$work/held"
	echo "$(basename "$dir") $*: $(tail -n 1 "$work/held")"
}

both() {
	crash "$@"
	held "$program"
	held --sysroot="$work/cwd"
}

config() { # the flags of an interpreter's own libpython
	"$1" -c 'import sysconfig as s; v = s.get_config_var
print("-I" + s.get_paths()["include"], "-L" + v("LIBDIR"), "-Wl,-rpath," + v("LIBDIR"), "-lpython" + v("LDVERSION"))'
}

tried=
for version in ${HOSTS_VERSIONS:-system 3.13 3.8}; do
	python=$(need_python "$version") || continue
	flags=$(config "$python")
	# shellcheck disable=SC2086
	build "service-$version" $flags || continue
	tried=yes
	strip "$work/service-$version"
	both "service-$version"
	both "service-$version" sub
	json_check 'len(r["interpreters"]) == 2 and sorted(i["main"] for i in r["interpreters"]) == [False, True]'
	json_check '[i["id"] for i in r["interpreters"] if i["main"]] == [0]'
	json_check '[(t["name"], t["frames"][-1]["function"], t["frames"][-1]["locals"][0]["repr"]) for t in r["threads"]
		if t["interpreter"] == 1 and t["frames"]] == [("sub-worker", "asleep_in_sub", "\"local of the subinterpreter\"".replace(chr(34), chr(39)))]'
	run 0 "$CORE2PYHEAP" --no-dump "$dir/core"
	out_says 'sub-worker.*interpreter 1|interpreter 1.*sub-worker'
done
[ -n "$tried" ] || skip "no libpython to link with"

# static: Debian's libpython3.x-dev has a library of objects
for python in $(need_python system) $(need_python 3.11); do
	archive=$("$python" -c 'import sysconfig as s, os; v = s.get_config_var
for d in (v("LIBDIR"), v("LIBPL")):
    p = os.path.join(d, "libpython" + v("LDVERSION") + ".a")
    if os.path.exists(p):
        print(p)
        break')
	[ -n "$archive" ] && break
done
if [ -n "$archive" ]; then
	include=$("$python" -c 'import sysconfig as s; print(s.get_paths()["include"])')
	libraries="-lexpat -lz -lm -ldl -lutil -lpthread"
	# shellcheck disable=SC2086
	if build static -no-pie "-I$include" -Wl,--export-dynamic "$archive" $libraries; then
		both static
		both static sub
		cp "$work/static" "$work/static-stripped"
		strip "$work/static-stripped"
		both static-stripped
	fi
	# Nothing exported: stripped, only the section .PyRuntime is left, and with the core alone not even that.  Extension
	# modules find no symbols in these: a program without any.
	pic=$(dirname "$archive")/$(basename "$archive" .a)-pic.a
	[ -f "$pic" ] || pic=$("$python" -c 'import sysconfig as s; print(s.get_config_var("LIBPL"))')/$(basename "$archive" .a)-pic.a
	for name in hidden hidden-pie all-static static-pie; do
		case $name in
		hidden) flags="-no-pie $archive" ;;
		hidden-pie) flags="-pie -fPIE $pic" ;;
		all-static) flags="-static $archive" ;;
		static-pie) flags="-static-pie -fPIE $pic" ;;
		esac
		# shellcheck disable=SC2086
		build "$name" "-I$include" $flags $libraries || continue
		strip "$work/$name"
		GT_HOME=$cores need_core "$work/$name.d" "$work/$name" module crash
		for option in "$work/$name" --sysroot="$work/cwd"; do
			run 0 "$CORE2PYHEAP" --no-dump --report=json "$option" "$work/$name.d/core"
			json_check '[f["function"] for f in r["threads"][0]["frames"]][-3:] == ["<module>", "main", "handle"]'
			json_check '[t["name"] for t in r["threads"]] == ["MainThread", "worker"]'
			json_check 'r["threads"][0]["exception"]["type"] == "ValueError"'
		done
		echo "$name is tried"
	done
else
	echo "not tried: static (there is no libpython3.x.a)"
fi
finish
