#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Cores whose _Py_DebugOffsets lie: zeros, ones, noise, the words of another layout, another minor version, the flag of a
# free-threaded build turned.  What disagrees with the tables is not believed, and the report is as of the core that
# does not lie.
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
made=$("$cores/get-core" 3.13 abort) || skip "no Python 3.13 can be had here"
for lie in zeros ones noise shifted minor free-threaded; do
	"$PYTHON3" - "$made/core" "$work/core" "$lie" <<'P' || exit 99
import mmap, random, shutil, struct, subprocess, sys
made, out, lie = sys.argv[1:]
subprocess.check_call(['cp', '--sparse=always', made, out])
with open(out, 'r+b') as f:
    core = mmap.mmap(f.fileno(), 0)
    at = core.find(b'xdebugpy')
    while struct.unpack_from('<Q', core, at + 8)[0] >> 16 != 0x30d:
        at = core.find(b'xdebugpy', at + 8)  # the text of the cookie in a constant pool
    words = list(struct.unpack_from('<70Q', core, at + 24))
    random.seed(1)
    if lie == 'zeros':
        words = [0] * 70
    elif lie == 'ones':
        words = [2**64 - 1] * 70
    elif lie == 'noise':
        words = [random.getrandbits(random.randrange(1, 64)) & ~7 for w in words]
    elif lie == 'shifted':
        words = words[1:] + words[:1]
    elif lie == 'minor':
        core[at + 8:at + 16] = struct.pack('<Q', 0x030e00f0)
    else:
        core[at + 16:at + 24] = struct.pack('<Q', 1)
    core[at + 24:at + 24 + 560] = struct.pack('<70Q', *words)
P
	run 0 "$CORE2PYHEAP" --no-dump --report=json --redact=none "$(cat "$made/python")" "$work/core"
	json_check 'r["python"]["version"].startswith("3.13.") and r["python"]["origin"] == "table" and not r["python"]["free_threaded"]'
	cp "$work/out" "$work/report.json"
	run 0 "$PYTHON3" "$cores/check_report.py" --tasks "$work/report.json" "$made/gt.json"
	echo "$lie: $(tail -n 1 "$work/out")"
done
finish
