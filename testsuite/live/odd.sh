#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# core2pyheap --pid over processes that are stopped, traced, ending or ended, no Python, another user's, in another root;
# and against gdb's core of the same process.
. "$top_srcdir/testsuite/live/common.sh"
python=$(need_python system 3.11 3.12) || skip "no Python"
version=system

# ---- against gdb's own core of the same process, which stands in the same place ----

start "$python" quiet
run 0 "$convert" --pid="$pid" --no-dump --report=json
mv "$work/out" "$work/quiet.json"
if command -v gcore >/dev/null && gcore -o "$work/gcore" "$pid" >"$work/gcore.log" 2>&1; then
	run 0 "$convert" --no-dump --report=json "$work/gcore.$pid"
	judge_report quiet "$work/quiet.json" "$pid" "$work/out"
else
	judge_report quiet "$work/quiet.json" "$pid"
	echo "not run: gcore"
fi
run 0 "$convert" --pid="$pid" --no-stop --no-dump --report=json
judge_report quiet "$work/out" "$pid"
run 0 "$convert" --pid="$pid" --no-dump
out_says '^Running, in process '

# ---- stopped by somebody else: it stays so ----

kill -STOP "$pid"
run 0 "$convert" --pid="$pid" --no-dump --report=json
judge_report quiet "$work/out" "$pid"
check "the process is still stopped" [ "$(state)" = T ]
kill -CONT "$pid"
goes_on
if command -v gdb >/dev/null; then
	gdb -batch -iex 'set auto-load off' -iex 'set debuginfod enabled off' -p "$pid" \
		-ex "shell '$convert' --pid=$pid --no-dump 2>'$work/traced'; echo \$? >'$work/status'" \
		-ex "shell '$convert' --pid=$pid --no-dump --no-stop --report=json >'$work/out'" >"$work/gdb.log" 2>&1
	mv "$work/traced" "$work/err"
	check "refused while gdb traces it" [ "$(cat "$work/status")" = 2 ]
	one_line_error "process $pid: process [0-9]+ traces it already"
	judge_report quiet "$work/out" "$pid"
fi

# ---- without permission ----

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$work" "$work/cwd"
	for way in "" --no-stop; do
		run 2 setpriv --reuid=65534 --regid=65534 --clear-groups "$convert" --no-dump --pid="$pid" $way
		if [ "$status" = 126 ] || grep -q 'failed to execute' "$work/err"; then
			echo "not run: another user cannot start $convert"
			failures=$((failures - 1))
			break
		fi
		one_line_error "process $pid: ptrace is refused: it takes .*CAP_SYS_PTRACE"
	done
	goes_on
fi

# ---- another root: its own files, by way of /proc ----

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$work/root"
	rm -f "$work/ready"
	unshare -m sh -c 'mount --bind / "$1" && exec chroot "$1" "$2" "$3" quiet "$4"' - "$work/root" "$python" \
		"$live/live_program.py" "$work/ready" &
	first=$pid
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 200); do [ -s "$work/ready" ] && break; sleep 0.05; done
	run 0 "$convert" --pid="$pid" --no-dump --report=json --explain
	judge_report quiet "$work/out" "$pid"
	err_says "file /proc/$pid/root/.*lib"
	json_check 'r["threads"][0]["frames"][-1]["source"]'
	end
	pid=$first
else
	echo "not run: another root"
fi

# ---- we are killed, it goes on; it is killed, we say so ----

end
start "$python" busy 400000
for delay in 0.02 0.05 0.1 0.3; do
	"$convert" --pid="$pid" --report=none -o "$work/killed.pyheap" 2>/dev/null &
	converter=$!
	sleep $delay
	kill -9 $converter 2>/dev/null
	wait $converter 2>/dev/null
	goes_on
done
check "no dump of one that was killed" [ ! -e "$work/killed.pyheap" ] || rm -f "$work/killed.pyheap"
computes
end
for delay in 0.01 0.03 0.06 0.1 0.2; do
	start "$python" quiet 100000
	(sleep $delay; kill -9 "$pid") &
	run "0 1 2 3" "$convert" --pid="$pid" --no-dump --no-stop
	[ "$status" -lt 2 ] || one_line_error "process $pid|no process $pid"
	wait "$pid" 2>/dev/null
done

# ---- what cannot be read ----

run 2 "$convert" --no-dump --pid="$pid"
one_line_error "there is no process $pid"
sleep 600 &
pid=$!
pids="$pids $pid"
run 3 "$convert" --no-dump --pid="$pid"
one_line_error "no CPython|Python"
goes_on
end
"$PYTHON3" -c 'import os, sys, time
child = os.fork()
if not child: os._exit(0)
with open(sys.argv[1], "w") as f: f.write(str(child))
time.sleep(60)' "$work/zombie" &
pid=$!
pids="$pids $pid"
for _ in $(seq 100); do [ -s "$work/zombie" ] && break; sleep 0.05; done
run 3 "$convert" --no-dump --pid="$(cat "$work/zombie")"
one_line_error "has ended \(a zombie\)"
end
if [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ]; then
	run 3 "$convert" --no-dump --pid=2
	one_line_error "process 2: is a thread of the kernel"
fi
for value in 0 -1 x 99999999999 ""; do
	run 2 "$convert" --pid="$value"
	one_line_error "^core2pyheap: --pid takes the number of a process, not"
done
run 2 "$convert" --no-stop core
one_line_error -- '--no-stop goes with --pid'
run 2 "$convert" --pid=1 a b
one_line_error 'only PYTHON may follow'
no_dump_left
finish
