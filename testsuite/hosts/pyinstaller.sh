#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A one-file program of PyInstaller: the bootloader unpacks libpython and the modules into a folder of /tmp and removes it
# when the program has died, so that nothing of what was mapped is there when the core is read.
. "$top_srcdir/testsuite/hosts/common.sh"
site=$("$hosts/get-pyinstaller") || skip "$site"
python=$(need_python 3.11)
mkdir "$work/run" "$work/tmp"
cp "$hosts/application.py" "$work/run"
cat >"$work/run/shop.py" <<'P'
import os
import application

# not where the bootloader dies in the same way, once its child has
os.chdir(os.environ['CORES'])
application.checkout('/crash', 'GET')
P
(
	cd "$work/run" || exit 1
	PYTHONPATH=$site timeout 120 "$python" -m PyInstaller --onefile --log-level ERROR --exclude-module tkinter shop.py
) >"$work/log" 2>&1 </dev/null || skip "PyInstaller fails: $(tail -n 1 "$work/log")"
mkdir "$work/cores"
(
	cd "$work/run" || exit 1
	ulimit -c unlimited
	# runs in a child of the bootloader
	CORES=$work/cores TMPDIR=$work/tmp exec timeout 60 "$work/run/dist/shop" >"$work/log" 2>&1 </dev/null
)
wait_core "$work/cores" || {
	cat "$work/log"
	echo "the program left no core"
	exit 99
}
check "the bootloader left what it unpacked" sh -c '[ -z "$(ls "$1")" ]' sh "$work/tmp"
held() {
	json_check 'r["image"]["signal"]["name"] == "SIGABRT"'
	json_check 'r["threads"][0]["crashed"] and r["threads"][0]["holds_gil"] and r["threads"][0]["name"] == "MainThread"'
	json_check '[(f["function"], f["module"], f["line"]) for f in r["threads"][0]["frames"]] ==
		[("<module>", "__main__", 6), ("checkout", "application", 31)]'
	json_check '{l["name"]: l["repr"] for l in r["threads"][0]["frames"][-1]["locals"]} ==
		{"path": "'"'/crash'"'", "method": "'"'GET'"'", "prices": "{'"'apple': 3, 'pear': 4"'}", "basket": "['"'apple', 'plum'"']",
		"total": "3", "name": "'"'plum'"'"}'
	json_check 'r["threads"][0]["exception"]["type"] == "KeyError"'
	json_check 'r["python"]["executable"].endswith("/run/dist/shop")'
	background_waits
}
both "$work/run/dist/shop" held
finish
