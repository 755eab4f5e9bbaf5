#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is resident while the whole heap is written: at most half the core, 64 MB, and 40 bytes an object, the mapped
# core's pages included; by any number of threads, and the same dump.
. "$top_srcdir/testsuite/cores/common.sh"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3.7 to measure with"
python=$(need_python system 3.11 3.12 3.10 3.13) || skip "no Python"
# few objects for so large a core: most of its pages must go again
cat >"$work/large.py" <<'END'
import os
texts = [b'%d' % i * 64 for i in range(500000)]
os.abort()
END
need_core "$work/crash" "$python" "$work/large.py"
core=$work/crash/core

cat >"$work/measure.py" <<'END'
import json, os, subprocess, sys, zipfile
core, dump, *command = sys.argv[1:]
process = subprocess.Popen(command)
_, status, usage = os.wait4(process.pid, 0)
assert not status, status
objects = json.loads(zipfile.ZipFile(dump).read('object/address/.zarray'))['shape'][0]
size, resident = os.stat(core).st_size, usage.ru_maxrss * 1024
limit = size // 2 + 64000000 + 40 * objects
print('%d objects, %d MB; resident %d MB of %d' % (objects, size / 1e6, resident / 1e6, limit / 1e6))
assert limit < size, 'a core of that size proves nothing'
assert resident <= limit, 'too much'
END
for jobs in 1 2 4; do
	run 0 "$PYTHON3" "$work/measure.py" "$core" "$jobs.pyheap" "$CORE2PYHEAP" --report=none --jobs=$jobs -o "$jobs.pyheap" \
		"$core" "$python"
	head -n 1 "$work/out"
	check "--jobs=$jobs gives another dump than --jobs=1" cmp 1.pyheap "$jobs.pyheap"
done
finish
