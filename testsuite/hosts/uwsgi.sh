#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# uWSGI with Debian's python3 plugin and threads: a worker dies in a request.
. "$top_srcdir/testsuite/hosts/common.sh"
for program in uwsgi_python3 uwsgi_python311 uwsgi; do
	uwsgi=$(command -v "$program") && break
done
[ -n "$uwsgi" ] || skip "no uWSGI (Debian: uwsgi-plugin-python3)"
"$uwsgi" --plugins python3 --help >/dev/null 2>&1 || skip "uWSGI has no python3 plugin (Debian: uwsgi-plugin-python3)"

# serve NAME OPTION...: $core of a worker that died in a request while another request sleeps
serve() {
	name=$1
	shift
	mkdir "$work/run-$name"
	port=$(free_port)
	(
		cd "$work/run-$name" || exit 1
		ulimit -c unlimited
		exec "$uwsgi" --plugins python3 --http-socket "127.0.0.1:$port" --master --processes 1 --threads 4 \
			--need-app --wsgi-file "$hosts/application.py" "$@" >log 2>&1 </dev/null
	) &
	servers=$!
	request "$port" / >"$work/out" 2>"$work/err" || {
		tail -n 5 "$work/run-$name/log"
		echo "uWSGI does not answer: $(cat "$work/err")"
		exit 99
	}
	out_says '^ok 3'
	send "$port" /slow
	send "$port" /crash 2
	wait_core "$work/run-$name" || {
		tail -n 5 "$work/run-$name/log"
		echo "uWSGI left no core"
		exit 99
	}
	cp "$core" "$work/$name.core"
	core=$work/$name.core
	stop_servers
}

held() {
	application_crashed
	json_check 'len(r["interpreters"]) == 1 and r["image"]["command"].split()[0].split("/")[-1].startswith("uwsgi")'
	json_check 'r["threads"][0]["frames"][-1]["module"].startswith("uwsgi_file_")'
	json_check '[t["frames"][-1]["function"] for t in r["threads"]].count("slow") == 1'
	# the others are named so as they begin
	json_check 'all(t["name"] in ["MainThread", "background"] + ["uWSGIWorker1Core%d" % i for i in range(4)]
		for t in r["threads"])'
}

# The worker is forked when the application's thread runs already: its state is left over, it is not.
held_forked() {
	held
	json_check 'len(r["threads"]) == 2 and not any(t["name"] == "background" for t in r["threads"])'
}
serve forked
[ -z "${HOSTS_KEEP-}" ] || cp "$core" "$HOSTS_KEEP.forked"
both "$(readlink -f "$uwsgi")" held_forked

held_lazy() {
	held
	background_waits
	json_check 'len(r["threads"]) == 3'
}
serve lazy --lazy-apps
both "$(readlink -f "$uwsgi")" held_lazy
finish
