#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# core2pyheap --handler: the core through a pipe, as the kernel gives it, the memory from /proc/PID/mem; what it drops,
# opens, writes, and refuses.  The kernel's pipe is simulated: core_pattern is everybody's.  PYHEAP_TEST_CORE_PATTERN=1 sets it, for
# the one process, and puts it back.
. "$top_srcdir/testsuite/live/common.sh"
python=$(need_python system) || skip "no system Python"
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
case $(cat /proc/sys/kernel/core_pattern) in core | core.%p) ;; *) skip "cores do not go into the current folder" ;; esac
user= owner=$(id -u)
chmod 755 "$work" "$work/cwd"
if [ "$owner" = 0 ] && command -v setpriv >/dev/null; then
	owner=54321
	user="setpriv --reuid=$owner --regid=$owner --clear-groups"
fi
cp "$live/victim.py" "$work/victim.py"

start_victim() { # [MEGABYTES]: $pid waits, $work/v/core is what the kernel would pipe
	rm -rf "$work/v"
	mkdir -m 777 "$work/v"
	(cd "$work/v" && ulimit -c unlimited && exec $user "$python" "$work/victim.py" "$work/v/ready" ${1-}) >"$work/victim.log" 2>&1 &
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 400); do [ -s "$work/v/ready" ] && break; sleep 0.05; done
	mv "$work/v"/core* "$work/v/stream" 2>/dev/null || skip "no cores can be made here"
}

handle() { # STATUS OPTION...: as the kernel calls it, all but the core's memory in the pipe
	wanted=$1
	shift
	last="$convert $* --handler $pid 6"
	head -c 1000000 "$work/v/stream" | timeout 60 "$convert" "$@" --handler "$pid" 6 >"$work/out" 2>"$work/err"
	judge
}

dumps() { ls "$work/dumps" | grep -c "$1"; }

start_victim 300
mkdir -m 755 "$work/dumps"
handle 0 -o "$work/dumps" --label=pod=web-3
err_says "^core2pyheap: process $pid \(python3[.0-9]*\): wrote $work/dumps/python3[.0-9]*\.$pid\.[0-9TZ]*\.pyheap\$"
check "one dump and nothing else" [ "$(ls -A "$work/dumps" | wc -l)" = 1 ]
dump=$(echo "$work/dumps"/*.pyheap)
check "the mode of the dump" [ "$(stat -c %a "$dump")" = 600 ]
check "the dump is the user's" [ "$(stat -c %u "$dump")" = "$owner" ]
check "of 300 MB a few are left" [ "$(stat -c %s "$dump")" -lt 8000000 ]
run 0 "$PYHEAP" report --json "$dump"
json_check 'r["image"]["signal"]["name"] == "SIGABRT" and r["image"]["kind"] == "elf-core" and r["image"]["complete"]'
json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "handle"] and r["threads"][0]["crashed"]'
json_check '"no such order" in r["threads"][0]["exception"]["args"][0] and r["labels"] == {"pod": "web-3"}'
json_check 'any(v["name"] == "password" and v.get("redacted") for v in r["threads"][0]["frames"][-1]["locals"])'
json_check 'r["threads"][0]["frames"][-1]["source"] and not r["damage"]'
check "no secret in it" sh -c '! grep -qa hunter2 "$1"' - "$dump"
# again: another name, nothing replaced
before=$(cksum <"$dump")
handle 0 -o "$work/dumps"
handle 0 -o "$work/dumps"
check "three dumps" [ "$(dumps '\.pyheap$')" = 3 ]
check "the first is as it was" [ "$(cksum <"$dump")" = "$before" ]
# the whole heap when asked for: by a file in $TMPDIR, of which nothing is left
mkdir -m 1777 "$work/tmp"
TMPDIR=$work/tmp
export TMPDIR
handle 0 --heap=full -o "$work/dumps"
check "nothing is left in TMPDIR" [ -z "$(ls -A "$work/tmp")" ]
unset TMPDIR

# what the parsing process was: the victim's user, without rights, writing only into its file
if [ "$(id -u)" = 0 ] && command -v strace >/dev/null; then
	head -c 1000000 "$work/v/stream" | strace -a 1 -f -o "$work/trace" -e trace=openat,open,setresuid,setresgid,setgroups,execve,linkat,unlink,connect \
		"$convert" -o "$work/dumps" --handler "$pid" 6 2>"$work/err"
	check "it drops to the user" grep -q "setresuid($owner, $owner, $owner) = 0" "$work/trace"
	child=$(sed -n "s/^\([0-9]*\)  *setresuid.*/\1/p" "$work/trace")
	sed -n "/^$child  *setresuid/,\$p" "$work/trace" | grep "^$child  *open" >"$work/opened"
	check "it opens something" [ -s "$work/opened" ]
	check "nothing is opened to be written" sh -c '! grep -E "O_(WRONLY|RDWR|CREAT)" "$1"' - "$work/opened"
	check "nothing by its name on the host" sh -c '! grep -E "AT_FDCWD, \"/(usr|home|lib|opt|root|tmp|var)" "$1"' - "$work/opened"
	check "nothing is run" [ "$(grep -c execve "$work/trace")" = 1 ]
else
	echo "not run: strace"
fi

# ---- what it refuses ----

chmod 777 "$work/dumps"
handle 2 -o "$work/dumps"
one_line_error 'nobody else may write to it'
chmod 755 "$work/dumps"
handle 2 -o "$work/nothing"
one_line_error 'cannot open the folder for dumps'
ln -s "$work/dumps" "$work/link"
handle 2 -o "$work/link"
one_line_error 'cannot open the folder for dumps'
count=$(dumps .)
head -c 2000000 /dev/zero | tr '\0' x >"$work/dumps/other.pyheap"
handle 2 -o "$work/dumps" --quota=1
one_line_error 'the quota is 1 MB'
rm "$work/dumps/other.pyheap"
mv "$work/v/stream" "$work/v/whole"
for what in "head -c 100" "head -c 5000" "tr A-Z a-z"; do
	$what <"$work/v/whole" >"$work/v/stream"
	handle "2 3" -o "$work/dumps"
	one_line_error 'core2pyheap: '
done
mv "$work/v/whole" "$work/v/stream"
check "no dump of those" [ "$(dumps .)" = "$count" ]
end
handle 2 -o "$work/dumps"
one_line_error "process $pid: cannot look at it"
for operands in "" 1 "1 2 3" "x 6" "1 x"; do
	run 2 "$convert" --handler $operands
	one_line_error '^core2pyheap: --handler takes'
done
if [ -n "$user" ]; then # one with capabilities holds what its user must not see
	(ulimit -c unlimited && cd "$work" && exec setpriv --reuid=$owner --regid=$owner --clear-groups --inh-caps=+net_raw --ambient-caps=+net_raw sleep 60) &
	pid=$!
	pids="$pids $pid"
	sleep 0.3
	handle 2 -o "$work/dumps"
	one_line_error 'no dump: it has capabilities'
	end
fi

# ---- the kernel itself ----

pattern=/proc/sys/kernel/core_pattern
if [ "${PYHEAP_TEST_CORE_PATTERN-}" = 1 ] && [ -w $pattern ]; then
	rm -f "$work/dumps"/*
	old=$(cat $pattern) limit=$(cat /proc/sys/kernel/core_pipe_limit)
	restore() { echo "$old" >$pattern; echo "$limit" >/proc/sys/kernel/core_pipe_limit; }
	trap 'restore; stop_all' EXIT
	ln -sf "$convert" /tmp/pyheap-h
	echo 4 >/proc/sys/kernel/core_pipe_limit
	echo "|/tmp/pyheap-h -o $work/dumps --handler %P %s" >$pattern
	(cd "$work/v" && exec $user "$python" -c 'import os
name = "the kernel\x27s own"
os.abort()') >/dev/null 2>&1
	restore
	rm -f /tmp/pyheap-h
	dump=$(echo "$work/dumps"/*.pyheap)
	check "a dump of the kernel's pipe" [ -s "$dump" ]
	run 0 "$PYHEAP" report "$dump"
	out_says "kernel's own"
	out_says "^SIGABRT"
	check "the dump is the user's" [ "$(stat -c %u "$dump")" = "$owner" ]
else
	echo "not run: the kernel's own pipe (PYHEAP_TEST_CORE_PATTERN=1 sets kernel.core_pattern)"
fi
no_dump_left
finish
