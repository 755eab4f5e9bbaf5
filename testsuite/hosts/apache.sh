#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Apache with mod_wsgi: the application is in a subinterpreter of a process with dozens of threads, which is a daemon process
# of mod_wsgi's or Apache's own (embedded mode).
. "$top_srcdir/testsuite/hosts/common.sh"
apache=$(command -v apache2) || apache=$(command -v httpd) || skip "no Apache (Debian: apache2 libapache2-mod-wsgi-py3)"
modules=
for folder in /usr/lib/apache2/modules /usr/lib64/httpd/modules /etc/httpd/modules; do
	for module in "$folder"/mod_wsgi.so "$folder"/mod_wsgi_python3.so; do
		[ -f "$module" ] && modules=$folder && wsgi=$module
	done
done
[ -n "$modules" ] || skip "no mod_wsgi (Debian: libapache2-mod-wsgi-py3)"

# started as the user that serves: after a setuid() the kernel writes no core
as=
chmod 755 "$work"
mkdir "$work/site"
if [ "$(id -u)" -eq 0 ]; then
	command -v setpriv >/dev/null || skip "no setpriv"
	for name in www-data apache nobody; do
		group=$(id -gn "$name" 2>/dev/null) && break
	done
	as="setpriv --reuid $name --regid $group --clear-groups"
fi
cp "$hosts/application.py" "$work/site"
load() {
	[ -f "$modules/mod_$1.so" ] && echo "LoadModule $1_module $modules/mod_$1.so"
}
held() {
	application_crashed
	# two names of the host are two subinterpreters; the main interpreter is there, and idle
	json_check 'len(r["interpreters"]) == 3 and [i["id"] for i in r["interpreters"] if i["main"]] == [0]'
	json_check '[(t["interpreter"], t["frames"][-1]["function"]) for t in r["threads"] if t["name"] == "background"] ==
		[(1, "wait_for_work"), (2, "wait_for_work")]'
	json_check '[t["interpreter"] for t in r["threads"]].count(2) == 22 and len(r["threads"]) == 23'
	json_check '[t["frames"][-1]["function"] for t in r["threads"]].count("slow") == 20'
	json_check 'len({t["native_id"] for t in r["threads"]}) == 23 and all(t["native_id"] for t in r["threads"])'
	json_check 'all(t["waiting_for"]["name"] == "clock_nanosleep" for t in r["threads"] if t["frames"][-1]["function"] == "slow")'
	json_check 'r["threads"][0]["frames"][0]["module"].startswith("_mod_wsgi_")'
	json_check 'sum(t["crashed"] for t in r["threads"]) == 1 and sum(t["holds_gil"] for t in r["threads"]) == 1'
}

crash() { # CONFIGURATION: $core, of an Apache configured so
	rm -rf "$work/run" "$work/cores"
	mkdir "$work/run" "$work/cores"
	[ -z "$as" ] || chown "$name" "$work/run" "$work/cores"
	port=$(free_port)
	cat >"$work/run/httpd.conf" <<C
ServerRoot $work/run
ServerName localhost
Listen 127.0.0.1:$port
PidFile $work/run/pid
ErrorLog $work/run/log
CoreDumpDirectory $work/cores
$(load mpm_event)
$(load authz_core)
LoadModule wsgi_module $wsgi
$1
WSGIScriptAlias / $work/site/application.py
<Directory $work/site>
Require all granted
</Directory>
C
	(
		ulimit -c unlimited
		exec $as "$apache" -f "$work/run/httpd.conf" -D FOREGROUND >"$work/run/output" 2>&1 </dev/null
	) &
	servers=$!
	request "$port" / >"$work/out" 2>"$work/err" || {
		tail -n 5 "$work/run/output" "$work/run/log"
		echo "Apache does not answer: $(cat "$work/err")"
		exit 99
	}
	out_says '^ok 3'
	"$PYTHON3" -c 'import socket, sys, time
waiting = []
for path in ["/slow"] * 20 + ["/crash"]:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
    s.sendall(("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % path).encode())
    waiting.append(s)
    if path == "/slow":
        time.sleep(0.02)
waiting[-1].recv(1)' "$port"
	wait_core "$work/cores" || {
		tail -n 5 "$work/run/output" "$work/run/log"
		echo "Apache left no core"
		exit 99
	}
	cp "$core" "$work/kept.core"
	core=$work/kept.core
	stop_servers
}

for configuration in "WSGIDaemonProcess shop processes=1 threads=25 display-name=wsgi-shop home=$work/cores
WSGIProcessGroup shop
WSGISocketPrefix $work/run/wsgi" "StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25"; do
	crash "$configuration"
	both "$(readlink -f "$apache")" held
	run 0 "$CORE2PYHEAP" --no-dump "$core"
	out_says "KeyError: 'plum'"
	out_says 'interpreter 2, crashed'
done
finish
