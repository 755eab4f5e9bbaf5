#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A minor version newer than the newest table: a core of 3.15 that says of itself, wherever it does, that it is 3.16.  It is
# read by its _Py_DebugOffsets and the newest tables, everything in it is right, and the report says that it is a guess.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
made=$("$cores/get-core" 3.15 abort) || skip "no Python 3.15 can be had here"
mkdir "$work/empty" "$work/newer"
"$PYTHON3" - "$made" "$work/newer" <<'P' || exit 99
import json, struct, sys
made, newer = sys.argv[1:]
gt = json.load(open(made + '/gt.json'))
version = gt['sys_version'].split()[0]
micro = int(version.split('.')[2])
old, new = struct.pack('<I', 0x030f00f0 | micro << 8), struct.pack('<I', 0x031001f0)
core = open(made + '/core', 'rb').read()
assert core.count(old) > 1
# PY_VERSION_HEX in _Py_DebugOffsets and sys.hexversion; the text of sys.version in data
core = core.replace(old, new).replace((version + ' (').encode(), ('3.16.1'.ljust(len(version)) + ' (').encode())
open(newer + '/core', 'wb').write(core)
gt['sys_version'] = gt['sys_version'].replace(version, '3.16.1')
json.dump(gt, open(newer + '/gt.json', 'w'))
P
run 0 "$CORE2PYHEAP" --no-dump --report=json --redact=none --sysroot="$work/empty" "$work/newer/core"
json_check 'r["python"]["guessed"] is True'
json_check 'r["python"]["version"] == "3.16.1"'
json_check 'r["python"]["origin"] == "debug-offsets"'
cp "$work/out" "$work/report.json"
run 0 "$PYTHON3" "$cores/check_report.py" "$work/report.json" "$work/newer/gt.json"
run 0 "$CORE2PYHEAP" --no-dump --sysroot="$work/empty" "$work/newer/core"
out_says 'newer than any known: layout guessed'
finish
