#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The kinds of core of one and the same program: what the kernel's coredump_filter leaves, gdb's gcore and `gcore -a`, a
# sparse copy, and an executable that was deleted or replaced since.  All show the same stacks and values.
. "$top_srcdir/testsuite/cores/common.sh"
python=$(need_python system 3.11 3.12 3.10 3.13) || skip "no Python"
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')

# what crash.py is like when it dies
held() {
	json_check 'r["python"]["version"] == "'"$version"'" and r["image"]["complete"] is True and not r["damage"]'
	json_check '[(f["function"], f["line"]) for f in r["threads"][0]["frames"]][-2:] == [("main", 40), ("handle", 30)]'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][-1]["locals"]}["total"] == "3"'
	json_check '{l["name"]: l["type"] for l in r["threads"][0]["frames"][-1]["locals"]}["order"] == "__main__.Order"'
	json_check '[t["name"] for t in r["threads"]] == ["MainThread", "worker"]'
	json_check '[t["frames"][-1]["function"] for t in r["threads"]] == ["handle", "wait_for_work"]'
}
crashed() {
	held
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["exception"]["type"] == "ValueError"'
	json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
}
ways() { # ways CORE PYTHON FUNCTION: with the executable, and with the core alone
	for operand in "$2" --sysroot="$work/cwd"; do
		run 0 "$CORE2PYHEAP" --no-dump --report=json "$operand" "$1"
		"$3"
	done
}

# ---- the kernel's ----

case $(cat /proc/sys/kernel/core_pattern 2>/dev/null) in
core | core.%p)
	for filter in 0x1 0x21 0x23 0x31 0x33 0x3f 0x7f; do
		need_core "$work/$filter" sh -c "echo $filter >/proc/self/coredump_filter && exec '$python' '$cores/crash.py'"
		ways "$work/$filter/core" "$python" crashed
	done
	need_core "$work/0x0" sh -c "echo 0x0 >/proc/self/coredump_filter && exec '$python' '$cores/crash.py'"
	for operand in "$python" --sysroot="$work/cwd"; do
		run 3 "$CORE2PYHEAP" "$operand" "$work/0x0/core"
		one_line_error 'no memory in this core \(of ".*crash.py"\)'
	done
	no_dump_left

	# sparse, and with every hole filled
	cp --sparse=always "$work/0x3f/core" "$work/sparse"
	ways "$work/sparse" "$python" crashed
	cp --sparse=never "$work/0x33/core" "$work/dense"
	ways "$work/dense" "$python" crashed
	;;
*) echo "not tried: coredump_filter (core_pattern keeps cores away)" ;;
esac

# ---- an executable that is not there any more ----

# A copy finds its library and its modules where the original does.
home=$("$python" -c 'import sys; print(sys.base_prefix)')
mkdir "$work/bin"
cp "$python" "$work/bin/service"
sed 's/^            os.abort()$/            os.unlink(sys.executable)\n&/' "$cores/crash.py" | sed '/sys.stdout.flush()/d' >"$work/unlink.py"
PYTHONHOME=$home need_core "$work/deleted" "$work/bin/service" "$work/unlink.py"
check "the executable is still there" [ ! -e "$work/bin/service" ]
ways "$work/deleted/core" "$python" crashed
# and with another program in its place, which is refused by its build-id
cp /bin/sh "$work/bin/service"
run 0 "$CORE2PYHEAP" --no-dump --report=json "$work/deleted/core"
crashed
err_says 'service.*build-id'
run 0 "$CORE2PYHEAP" --no-dump --report=json "$work/deleted/core" "$work/bin/service"
crashed
err_says 'service.*build-id'

# ---- gdb's ----

gcore=$(command -v gcore)
if [ -n "$gcore" ] && command -v gdb >/dev/null; then
	sed 's/^            os.abort()$/            time.sleep(100000)/' "$cores/crash.py" >"$work/live.py"
	"$python" "$work/live.py" </dev/null >/dev/null 2>&1 &
	pid=$!
	sleep 1
	for option in "" -a; do
		# shellcheck disable=SC2086
		"$gcore" $option -o "$work/gcore$option" "$pid" >"$work/gcore.log" 2>&1
		[ -s "$work/gcore$option.$pid" ] || {
			tail -n 3 "$work/gcore.log"
			echo "not tried: gcore $option (gdb may not attach)"
			continue
		}
		ways "$work/gcore$option.$pid" "$python" held
	done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
else
	echo "not tried: gcore"
fi
finish
