#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole heap by any number of threads is the same dump; interrupted or on a full disk it is no dump.
. "$top_srcdir/testsuite/cores/common.sh"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3.7 to send signals with"
python=$(need_python system 3.11 3.12 3.10 3.13) || skip "no Python"
need_core "$work/crash" "$python" "$top_srcdir/bench/heap.py" 60000
core=$work/crash/core

run 0 "$CORE2PYHEAP" --report=none --jobs=1 -o one "$core" "$python"
for jobs in 2 3 16; do
	run 0 "$CORE2PYHEAP" --report=none --jobs=$jobs -o many "$core" "$python"
	check "--jobs=$jobs gives another dump than --jobs=1" cmp one many
done
run 0 "$CORE2PYHEAP" --report=none -o many "$core" "$python"
check "the default number of threads gives another dump than --jobs=1" cmp one many
run 0 "$PYHEAP" types many
out_says '60000.*Order'
rm one many

# the disk is full somewhere within the columns
for blocks in 1000 3000; do
	last="ulimit -f $blocks; core2pyheap"
	wanted=2
	(ulimit -f $blocks && exec "$CORE2PYHEAP" --report=none -o full "$core" "$python") >"$work/out" 2>"$work/err" </dev/null
	judge
	one_line_error 'cannot write the dump.*(too large|No space)'
	no_dump_left
done

# Ctrl-C at any moment: status 2, and nothing is left behind
cat >"$work/interrupt.py" <<'END'
import os, signal, subprocess, sys, time
command, stopped = sys.argv[1:], 0
for i in range(12):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.02 + 0.04 * i)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    left = [f for f in os.listdir('.')]
    if process.returncode == 0:
        assert left, 'no dump although it ended well'
        os.unlink('dump')
        continue
    # killed before it watches for the signal
    assert process.returncode in (2, -signal.SIGINT), (process.returncode, err)
    assert not left, left
    stopped += process.returncode == 2
assert stopped, 'it was never interrupted'
print('interrupted %d times' % stopped)
END
run 0 "$PYTHON3" "$work/interrupt.py" "$CORE2PYHEAP" --report=none -o dump "$core" "$python"
finish
