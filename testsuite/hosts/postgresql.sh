#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# PostgreSQL with PL/Python: the backend of a connection dies in a function that a query calls.
. "$top_srcdir/testsuite/hosts/common.sh"
bin=
for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/bin; do
	[ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && [ -f "$("$folder/pg_config" --pkglibdir 2>/dev/null ||
		echo "${folder%/bin}/lib")/plpython3.so" ] && bin=$folder
done
[ -n "$bin" ] || skip "no PostgreSQL with PL/Python (Debian: postgresql postgresql-plpython3-15)"
command -v psql >/dev/null || skip "no psql"

# it refuses to run as root
as=
mkdir "$work/run" && chmod 755 "$work" && cd "$work/run" || exit 99
if [ "$(id -u)" -eq 0 ]; then
	id postgres >/dev/null 2>&1 || skip "no user postgres"
	command -v setpriv >/dev/null || skip "no setpriv"
	as="setpriv --reuid postgres --regid postgres --init-groups"
	chown postgres "$work/run"
fi
port=$(free_port)
$as "$bin/initdb" -D "$work/run/data" -A trust -U tester --no-sync >"$work/run.log" 2>&1 || {
	tail -n 5 "$work/run.log"
	exit 99
}
(
	ulimit -c unlimited
	exec $as "$bin/postgres" -D "$work/run/data" -p "$port" -k "$work/run" -c listen_addresses=127.0.0.1 -c fsync=off \
		-c shared_buffers=4MB -c max_connections=10 -c restart_after_crash=off >"$work/run.log" 2>&1 </dev/null
) &
servers=$!
query() {
	PGCONNECT_TIMEOUT=10 psql -X -q -h 127.0.0.1 -p "$port" -U tester -d postgres "$@" 2>>"$work/err"
}
tries=0
until query -c 'SELECT 1' >/dev/null || [ $tries -gt 50 ]; do
	sleep 0.2
	tries=$((tries + 1))
done
: >"$work/err"
query -v ON_ERROR_STOP=1 <<'Q' || {
CREATE EXTENSION plpython3u;
CREATE TABLE basket (name text, pieces int);
INSERT INTO basket VALUES ('apple', 3), ('plum', 0);
CREATE FUNCTION shares(name text, total int) RETURNS int LANGUAGE plpython3u AS $$
import os
def share(total, pieces):
    return total // pieces
row = plpy.execute("SELECT pieces FROM basket WHERE name = 'plum'")[0]
try:
    return share(total, row["pieces"])
except ZeroDivisionError:
    os.abort()
$$;
Q
	cat "$work/err" "$work/run.log"
	echo "PostgreSQL has no PL/Python function"
	exit 99
}
query -c "SELECT shares('plum', 100)"
wait_core "$work/run/data" || {
	tail -n 5 "$work/run.log"
	echo "PostgreSQL left no core"
	exit 99
}
cp "$core" "$work/backend.core"
core=$work/backend.core
stop_servers

held() {
	json_check 'r["image"]["signal"]["name"] == "SIGABRT" and r["image"]["command"].startswith("postgres: tester postgres 127.0.0.1")'
	json_check 'len(r["threads"]) == 1 and r["threads"][0]["crashed"] and r["threads"][0]["name"] == "MainThread"'
	json_check '[f["function"].rsplit("_", 1)[0] for f in r["threads"][0]["frames"]] in
		(["<module>", "__plpython_procedure_shares"], ["__plpython_procedure_shares"])'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][-1]["locals"]}["row"] == "{'"'pieces': 0"'}"'
	json_check 'r["threads"][0]["exception"]["type"] == "ZeroDivisionError"'
	json_check '[f["function"].rsplit("_", 1)[0] for f in r["threads"][0]["exception"]["traceback"]] == ["__plpython_procedure_shares", "share"]'
	json_check 'len(r["interpreters"]) == 1 and r["interpreters"][0]["main"]'
}
both "$bin/postgres" held
finish
