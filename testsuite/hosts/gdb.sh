#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# gdb itself: the Python inside it dies, in a script, in a command's invoke() and in a thread beside the main one.
. "$top_srcdir/testsuite/hosts/common.sh"
gdb=$(command -v gdb) || skip "no gdb"
"$gdb" -nx -batch -ex 'python print(sum(range(5)))' 2>&1 | grep -qx 10 || skip "this gdb has no Python"

cat >"$work/script.py" <<'P'
import os
import threading
import gdb

def wait_for_work(gate):
    gate.acquire()

gate = threading.Lock()
gate.acquire()
threading.Thread(target=wait_for_work, args=(gate,), name='background', daemon=True).start()

class Explode(gdb.Command):
    def __init__(self):
        super().__init__('explode', gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        try:
            gdb.parse_and_eval('no_such_symbol + 1')
        except gdb.error:
            os.abort()

Explode()
P
mkdir "$work/run"
(
	cd "$work/run" || exit 1
	ulimit -c unlimited
	exec timeout 60 "$gdb" -nx -batch -ex "source $work/script.py" -ex 'explode one two' >log 2>&1 </dev/null
)
wait_core "$work/run" || {
	cat "$work/run/log"
	echo "gdb left no core"
	exit 99
}
held() {
	json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["name"] == "MainThread"'
	json_check '[(f["function"], f["module"], f["line"]) for f in r["threads"][0]["frames"]] == [("invoke", "__main__", 20)]'
	json_check '[l["repr"] for l in r["threads"][0]["frames"][0]["locals"]][1:] == ["'"'one two'"'", "False"]'
	json_check 'r["threads"][0]["frames"][0]["locals"][0]["type"] == "__main__.Explode"'
	json_check 'r["threads"][0]["exception"]["type"] == "error" and r["threads"][0]["exception"]["module"] == "gdb"'
	json_check '"No symbol" in r["threads"][0]["exception"]["message"]'
	json_check '[t["frames"][-1]["function"] for t in r["threads"] if t["name"] == "background"] == ["wait_for_work"]'
	json_check 'len(r["interpreters"]) == 1 and r["image"]["command"].split()[0].endswith("gdb")'
}
both "$(readlink -f "$gdb")" held
finish
