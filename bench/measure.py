#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory of programs, side by side: medians of alternating runs, and the ratios.

usage: measure.py RUNS NAME::COMMAND...     COMMAND is split as the shell does
The first is what the others are compared with.  The caches are warm: one run of each comes before.
Prints a line a program, and its ratio to the first's time.  Last line: JSON for scripts.
"""
import json
import os
import shlex
import statistics
import sys
import time


def run(command, output):
    """Wall and processor seconds, peaks of resident and of anonymous KiB (sampled), status of the child."""
    begun = time.monotonic()
    pid = os.fork()
    if not pid:
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    anonymous = 0
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        anonymous = max(anonymous, anonymous_now(pid))
        time.sleep(0.005)
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, status, anonymous


def anonymous_now(pid):
    try:
        with open('/proc/%d/status' % pid) as f:
            for line in f:
                if line.startswith('RssAnon:'):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def main():
    runs = int(sys.argv[1])
    programs = []
    for argument in sys.argv[2:]:
        name, _, command = argument.partition('::')
        programs.append((name, shlex.split(command), []))
    output = os.path.join(os.environ.get('TMPDIR', '/tmp'), 'measure.%d' % os.getpid())
    try:
        for i in range(runs + 1):
            for name, command, results in programs:
                result = run(command, output)
                if result[3] != 0:
                    with open(output, errors='replace') as f:
                        sys.exit('%s ended with status %d:\n%s' % (name, result[3] >> 8, f.read()[-2000:]))
                if i:
                    results.append(result)
    finally:
        if os.path.exists(output):
            os.unlink(output)
    base = None
    summary = {}
    for name, command, results in programs:
        wall, cpu, rss = (statistics.median(r[k] for r in results) for k in range(3))
        base = base or wall
        summary[name] = {'wall': wall, 'cpu': cpu, 'mib': rss / 1024, 'best': min(r[0] for r in results),
                         'anonymous': max(r[4] for r in results) / 1024}
        print('  %-44s %7.3f s wall %7.3f s cpu %6.0f MiB   ratio %.3f' % (name, wall, cpu, rss / 1024, wall / base))
    print(json.dumps(summary))


main()
