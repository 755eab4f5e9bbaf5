# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests of this folder: running processes.
. "$top_srcdir/testsuite/cores/common.sh"
live=$top_srcdir/testsuite/live
convert=$CORE2PYHEAP
pids=
stop_all() {
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null
	clean_up
}
trap stop_all EXIT

start() { # start PYTHON KIND [OBJECTS]: $pid, once it is ready
	rm -f "$work/ready"
	"$1" "$live/live_program.py" "$2" "$work/ready" ${3-} &
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 400); do
		[ -s "$work/ready" ] && return
		sleep 0.05
	done
	echo "the program does not start"
	exit 99
}

end() {
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

state() { sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status"; }
ticks() { cut -d' ' -f14 "/proc/$pid/stat"; }

goes_on() { # nobody traces it, nothing stopped it
	check "the process is traced no more" grep -q '^TracerPid:.0$' "/proc/$pid/status"
	checks=$((checks + 1))
	case $(state) in R | S | D) ;; *) fail "the process is in state $(state)" ;; esac
}

computes() { # and gets on with its work
	before=$(ticks)
	for _ in $(seq 100); do
		[ "$(ticks)" -gt "$before" ] && return
		sleep 0.1
	done
	fail "the process does not get on"
}

judge_report() { check "the report of $version" "$PYTHON3" "$live/check_live.py" "$@"; }

