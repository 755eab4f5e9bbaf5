#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The snippets of doc/in-process.md, each taken out of the document and run.
. "$top_srcdir/testsuite/live/common.sh"
python=$(need_python system 3.11 3.12 3.13) || skip "no Python 3"
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
document=$top_srcdir/doc/in-process.md
bin=$work/bin
mkdir "$bin"
ln -s "$convert" "$bin/core2pyheap"
PATH=$bin:$PATH
export PATH

snippet() { # NAME: its lines
	checks=$((checks + 1))
	sed -n "/^<!-- snippet $1 -->\$/,/^\`\`\`\$/p" "$document" | sed '1,2d;$d' >"$work/snippet"
	[ -s "$work/snippet" ] || fail "no snippet $1"
	cat "$work/snippet"
}
known="leave_core dump_here DumpOnError install_handler watch_memory"
check "every snippet is known here" [ "$(sed -n 's/^<!-- snippet \(.*\) -->$/\1/p' "$document" | tr '\n' ' ')" = "$known " ]

# ---- a child that dies ----

mkdir "$work/cores"
{
	snippet leave_core
	cat <<'END'

import sys
import threading
import time


def worker():
    worker_local = 'of the worker'
    time.sleep(600)


threading.Thread(target=worker, name='worker', daemon=True).start()


def request(number):
    try:
        {}['order %d' % number]
    except KeyError:
        leave_core(sys.argv[1])
        return 'goes on'


print(request(7))
END
} >"$work/leave.py"
case $(cat /proc/sys/kernel/core_pattern) in
core | core.%p)
	(ulimit -S -c unlimited; exec "$python" "$work/leave.py" "$work/cores") >"$work/out" 2>"$work/err"
	out_says '^goes on$'
	mv "$work/cores"/core* "$work/cores/it" 2>/dev/null
	run 0 "$convert" --no-dump --report=json "$work/cores/it"
	json_check 'r["image"]["signal"]["name"] == "SIGABRT" and r["threads"][0]["exception"]["type"] == "KeyError"'
	json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "request", "leave_core"]'
	json_check 'len(r["threads"]) == 1'
	;;
*) echo "not run: leave_core (cores do not go into the current folder)" ;;
esac

# ---- --pid from within, and the middleware ----

mkdir "$work/dumps"
{
	snippet dump_here
	snippet DumpOnError
	cat <<'END'

import sys


def shop(environ, start_response):
    order = 'number 77'
    raise LookupError(order)


guarded = DumpOnError(shop, sys.argv[1])
for _ in range(3):
    try:
        guarded({}, None)
    except LookupError as error:
        print('500', error)
print(dump_here(sys.argv[1] + '/nothing/x.pyheap'))
END
} >"$work/server.py"
run 0 "$python" "$work/server.py" "$work/dumps"
check "three answers" [ "$(grep -c '^500 number 77$' "$work/out")" = 3 ]
out_says '^False$'
check "one dump" [ "$(ls "$work/dumps")" = "$(ls "$work/dumps" | grep '^error.*\.pyheap$' | head -n 1)" ]
run 0 "$PYHEAP" exceptions "$work/dumps"/error.*.pyheap
out_says '^LookupError: number 77'
out_says "order += 'number 77'"

# ---- the handler's pattern ----

snippet install_handler >/dev/null
check "a shell understands it" sh -n "$work/snippet"
pattern=$(sed -n 's/^kernel.core_pattern = |//p' "$work/snippet")
check "the pattern fits" [ "${#pattern}" -lt 127 ]
check "it names the program and the process" [ "${pattern#*/core2pyheap }" = "--handler %P %s" ]
check "the folder is made as the handler wants it" grep -q '^install -d -m 755 /var/lib/pyheap$' "$work/snippet"
check "the pipe is bounded" grep -Eq '^kernel.core_pipe_limit = [1-9]' "$work/snippet"
# what it does is in handler.sh; without a process to look at it says so
run 2 $(echo "$pattern" | sed "s|^[^ ]*|$convert|; s/%P/999999999/; s/%s/6/")
one_line_error 'process 999999999: cannot look at it'

# ---- the watcher ----

snippet watch_memory | sed 's/^PAUSE = .*/PAUSE = 1/; s/poll(5000)/poll(100)/' >"$work/watch_memory.py"
watch() { # CGROUP: in the background
	"$python" "$work/watch_memory.py" "$1" "$work/memory" 2>"$work/watch.log" &
	watcher=$!
	pids="$pids $watcher"
	sleep 1
}
memory_dump() { # of $pid, once the watcher has made it
	for _ in $(seq 200); do
		for d in "$work/memory/memory.$pid."*.pyheap; do [ -s "$d" ] && return; done
		sleep 0.1
	done
	fail "the watcher makes no dump"
}
mkdir "$work/memory" "$work/cgroup"
start "$python" quiet 20000
printf 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n' >"$work/cgroup/memory.events"
echo "$pid" >"$work/cgroup/cgroup.procs"
watch "$work/cgroup"
check "no dump before" [ -z "$(ls "$work/memory")" ]
sed 's/^high 0/high 1/' "$work/cgroup/memory.events" >"$work/new" && cat "$work/new" >"$work/cgroup/memory.events"
memory_dump
goes_on
run 0 "$PYHEAP" types "$d"
out_says 'Thing'
kill $watcher
end

# the kernel's own, where this user has the controller of memory
unified=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts | head -n 1)
group=$unified/pyheap-test-$$
if [ -n "$unified" ] && grep -qw memory "$unified/cgroup.subtree_control" 2>/dev/null && mkdir "$group" 2>/dev/null; then
	trap 'stop_all; rmdir "$group" 2>/dev/null' EXIT
	rm -f "$work/memory"/*
	echo $((48 << 20)) >"$group/memory.high"
	watch "$group"
	"$python" -c 'import os, sys, time
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
kept = []
while True:
    kept.append(bytearray(1 << 20))
    time.sleep(0.02)' "$group" &
	pid=$!
	pids="$pids $pid"
	memory_dump
	run "0 1" "$PYHEAP" types "$d"
	out_says 'bytearray'
	kill $watcher
	end
else
	echo "not run: the kernel's memory.events (no cgroup v2 with the controller of memory here)"
fi
no_dump_left
finish
