#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What threads wait for: a Lock, an RLock, a SimpleQueue, a thread; by name, whether it is a semaphore or, since 3.13 and 3.14,
# the parking lot.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
judge_core() { # VERSION FOLDER PYTHON
	for how in "$3" "--sysroot=$work/cwd"; do
		run 0 "$CORE2PYHEAP" --report=json --no-dump "$2/core" "$how"
		for name in want_lock want_rlock want_queue; do
			json_check '[t["waiting_for"]["what"] for t in r["threads"] if t["name"] == "'$name'"] == ["lock"]'
			json_check '[t["waiting_for"]["address"] == t["frames"][-1]["locals"][0]["address"]
				for t in r["threads"] if t["name"] == "'$name'"] == [True]'
		done
		json_check '[t["waiting_for"]["what"] for t in r["threads"] if t["name"] == "want_thread"] == ["lock"]'
		json_check '[t["waiting_for"]["name"] in ("select", "pselect6", "clock_nanosleep") for t in r["threads"]
			if t["name"] == "hold"] == [True]'
		# whom it waits for holds it
		json_check '[l["repr"].split(" ")[0] for t in r["threads"] if t["name"] == "hold" for l in t["frames"][-1]["locals"]]
			== ["<locked", "<locked", "<_queue.SimpleQueue", "<unlocked"]'
		json_check '[("owner=%d count=2 " % t["id"]) in t["frames"][-1]["locals"][1]["repr"] for t in r["threads"]
			if t["name"] == "hold"] == [True]'
		json_check '[l["repr"] for l in r["threads"][0]["frames"][-1]["locals"] if l["name"] == "free"][0].startswith(
			"<unlocked _thread.RLock object owner=0 count=0 at 0x")'
	done
	seen=$((seen + 1))
}
for version in system 3.7 3.10 3.12 3.13; do
	python=$(need_python "$version") || continue
	rm -rf "$work/crash"
	need_core "$work/crash" "$python" "$cores/waits_program.py"
	judge_core "$version" "$work/crash" "$python"
done
for version in 3.14 3.15; do
	root=$("$cores/get-root" "$version" 2>/dev/null) || continue
	rm -rf "$work/root"
	if GT_PROGRAM=waits_program.py "$cores/run-in-root" "$root" "/usr/bin/python$version" "$work/root" || [ -s "$work/root/core" ]; then
		judge_core "$version" "$work/root" "--sysroot=$root"
	else
		fail "no core of $version"
	fi
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
