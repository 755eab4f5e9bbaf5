#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# vim: the Python inside it dies in a function of a plugin, with a thread beside.  vim catches deadly signals and ends Python
# before it dies of them; then there is nothing to report.
. "$top_srcdir/testsuite/hosts/common.sh"
for vim in vim.nox vim.gtk3 vim; do
	vim=$(command -v $vim) && "$vim" --version 2>/dev/null | grep -q '+python3' && break
	vim=
done
[ -n "$vim" ] || skip "no vim with Python (Debian: vim-nox)"

mkdir "$work/run"
cat >"$work/run/plugin.py" <<'P'
import os
import signal
import threading
import vim

def wait_for_work(gate):
    gate.acquire()

gate = threading.Lock()
gate.acquire()
threading.Thread(target=wait_for_work, args=(gate,), name='background', daemon=True).start()

def complete(word):
    if word == 'wo':
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
    line = vim.current.buffer[0]
    try:
        vim.eval('g:no_such_variable')
    except vim.error:
        os.abort()
P
echo 'first line' >"$work/run/text"
crash() { # WORD
	rm -f "$work"/run/core*
	(
		cd "$work/run" || exit 1
		ulimit -c unlimited
		exec timeout 60 "$vim" -u NONE -N -i NONE -n -es -c 'py3file plugin.py' -c "py3 complete('$1')" text \
			>log 2>&1 </dev/null
	)
	wait_core "$work/run" || {
		cat "$work/run/log"
		echo "vim left no core"
		exit 99
	}
}
held() {
	json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["name"] == "MainThread" and r["threads"][0]["holds_gil"]'
	json_check '[(f["function"], f["line"]) for f in r["threads"][0]["frames"]] == [("<module>", 1), ("complete", 20)]'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][1]["locals"]} ==
		{"word": "'"'wo'"'", "line": "'"'first line'"'"}'
	json_check 'r["threads"][0]["exception"]["type"] == "error" and r["threads"][0]["exception"]["module"] == "vim"'
	json_check '"no_such_variable" in r["threads"][0]["exception"]["message"]'
	json_check 'len(r["interpreters"]) == 1 and "vim" in r["image"]["command"].split()[0]'
	background_waits
}
crash wo
both "$(readlink -f "$vim")" held
crash caught
run 3 "$CORE2PYHEAP" --no-dump "$core"
one_line_error 'no running interpreter: .* it died before Python had started, or after its end'
finish
