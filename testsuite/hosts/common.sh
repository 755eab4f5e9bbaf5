# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests of this folder: servers on loopback, requests, and what holds of each report.
# environment: HOSTS_KEEP, a file to which the last core is copied
. "$top_srcdir/testsuite/cores/common.sh"
hosts=$top_srcdir/testsuite/hosts
PATH=$PATH:/usr/sbin:/sbin
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
case $(cat /proc/sys/kernel/core_pattern 2>/dev/null) in
core | core.%p) ;;
*) skip "core_pattern keeps the cores of servers away" ;;
esac
[ "$(ulimit -H -c)" = unlimited ] || skip "no cores can be made here"

servers=
stop_servers() {
	for pid in $servers; do
		kill "$pid" 2>/dev/null
	done
	for pid in $servers; do
		tries=0
		while kill -0 "$pid" 2>/dev/null && [ $tries -lt 50 ]; do
			sleep 0.1
			tries=$((tries + 1))
		done
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	servers=
}
trap 'stop_servers; clean_up' EXIT

free_port() {
	"$PYTHON3" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# request PORT PATH: its status and text, within 20 s of tries
request() {
	"$PYTHON3" -c 'import sys, time, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for i in range(200):
    try:
        print(opener.open("http://127.0.0.1:%s%s" % tuple(sys.argv[1:]), timeout=15).read().decode())
        break
    except urllib.error.URLError as e:
        if not isinstance(e.reason, ConnectionRefusedError):
            sys.exit("request: %s" % e)
        time.sleep(0.1)
    except OSError as e:
        sys.exit("request: %s" % e)
else:
    sys.exit("request: nobody listens")' "$1" "$2"
}

# send PORT PATH: a request whose answer nobody waits for
send() {
	"$PYTHON3" -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=15)
s.sendall(("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % sys.argv[2]).encode())
s.settimeout(float(sys.argv[3]))
try:
    s.recv(1)
except socket.timeout:
    pass' "$1" "$2" "${3-0.2}"
}

# wait_core FOLDER: its path in $core, once it is written
wait_core() {
	tries=0
	core=
	while [ $tries -lt 100 ]; do
		for file in "$1"/core "$1"/core.[0-9]*; do
			[ -s "$file" ] && core=$file
		done
		if [ -n "$core" ]; then
			size=$(wc -c <"$core")
			sleep 0.3
			[ "$size" -eq "$(wc -c <"$core")" ] && return 0
		fi
		sleep 0.1
		tries=$((tries + 1))
	done
	return 1
}

# both EXECUTABLE FUNCTION: calls FUNCTION after the report of $core, with the executable and with the core alone
both() {
	[ -z "${HOSTS_KEEP-}" ] || cp "$core" "$HOSTS_KEEP"
	for operand in "$1" --sysroot="$work/cwd"; do
		run 0 "$CORE2PYHEAP" --no-dump --report=json "$operand" "$core"
		cp "$work/out" "$work/report.json"
		json_check 'r["python"]["implementation"] == "cpython" and r["image"]["complete"] is True and not r["damage"]'
		$2
		last="$CORE2PYHEAP $operand $core"
	done
	kinds "$1" "$2"
}

# kinds EXECUTABLE FUNCTION: the same core as other people hand it on: compressed, trimmed to a minidump, cut by a full disk
kinds() {
	if command -v zstd >/dev/null; then
		zstd -q -f -1 "$core" -o "$work/kind.zst"
		run 0 "$CORE2PYHEAP" --no-dump --report=json "$1" "$work/kind.zst"
		$2
		rm -f "$work/kind.zst"
	fi
	run 0 "$CORE2PYHEAP" --no-dump --report=none --trim="$work/kind.dmp" "$1" "$core"
	run 0 "$CORE2PYHEAP" --no-dump --report=json "$1" "$work/kind.dmp"
	json_check 'r["image"]["kind"] == "minidump"'
	$2
	# The kernel writes by address: the C stacks and what was mapped first are gone.
	cp --sparse=always "$core" "$work/kind.cut"
	truncate -s $(($(wc -c <"$core") / 10 * 9)) "$work/kind.cut"
	run 1 "$CORE2PYHEAP" --no-dump --report=json "$1" "$work/kind.cut"
	json_check 'r["python"]["implementation"] == "cpython" and r["image"]["complete"] is False and r["damage"]'
	json_check 'r["image"]["signal"] == json.load(open("'"$work/report.json"'"))["image"]["signal"]'
	rm -f "$work/kind.dmp" "$work/kind.cut"
}

# what application.py is like when it dies
application_crashed() {
	json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["holds_gil"]'
	json_check '[f["function"] for f in r["threads"][0]["frames"]][-2:] == ["application", "checkout"]'
	json_check 'r["threads"][0]["frames"][-1]["file"].endswith("/application.py")'
	json_check 'r["threads"][0]["frames"][-1]["line"] == 31'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][-1]["locals"]} ==
		{"path": "'"'/crash'"'", "method": "'"'GET'"'", "prices": "{'"'apple': 3, 'pear': 4"'}", "basket": "['"'apple', 'plum'"']",
		"total": "3", "name": "'"'plum'"'"}'
	json_check 'r["threads"][0]["exception"]["type"] == "KeyError" and r["threads"][0]["exception"]["args"] == ["'"'plum'"'"]'
	json_check '[f["function"] for f in r["threads"][0]["exception"]["traceback"]] == ["checkout", "look_up"]'
}

background_waits() {
	json_check '[t["frames"][-1]["function"] for t in r["threads"] if t["name"] == "background"] == ["wait_for_work"]'
}
