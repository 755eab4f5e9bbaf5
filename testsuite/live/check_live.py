#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a report of live_program.py against what the program is, and against another report of the same process.

usage: check_live.py quiet|busy REPORT.json PID [GCORE-REPORT.json]
"""
import json
import sys

NAMES = ['the sleeper', 'the waiter']
BUSY = ['spinner %d' % i for i in range(3)] + ['the allocator', 'the collector']
failures = []


def expect(what, got, wanted):
    if got != wanted:
        failures.append('%s is %r and not %r' % (what, got, wanted))


def local(frame, name):
    return next((v['repr'] for v in frame['locals'] if v['name'] == name), None)


def check(kind, report, pid):
    image = report['image']
    expect('the kind', image['kind'], 'live')
    expect('the pid', image['pid'], pid)
    expect('the signal', image['signal'], None)
    expect('complete', image['complete'], True)
    threads = {t['name']: t for t in report['threads']}
    expect('the threads', sorted(threads), sorted(['MainThread'] + NAMES + (BUSY if kind == 'busy' else [])))
    main = threads.get('MainThread')
    if main:
        expect('the main stack', [f['function'] for f in main['frames']], ['<module>', 'outer', 'inner'])
        expect('text', local(main['frames'][1], 'text').lstrip('u').replace('\\xe9', '\xe9'), "'h\xe9llo'")
        expect('numbers', local(main['frames'][1], 'numbers').replace('L', ''), '[1, 2.5, %d, None, True]' % 10 ** 30)
        expect('the exception', main['exception'] and main['exception']['message'], 'being handled')
        expect('the main thread', main['native_id'], pid)
    for name, thread in threads.items():
        if name == 'MainThread':
            continue
        function = name.split()[-1] if name.startswith('the') else 'spinner'
        frame = next((f for f in thread['frames'] if f['function'] == function), None)
        if not frame:
            failures.append('%s has no frame of %s' % (name, function))
            continue
        expect('the local of ' + name, local(frame, function + '_local'), repr('local of ' + name))
    if any(d['kind'] != 'heap' for d in report['damage']):
        failures.append('damage: %r' % report['damage'])


def drop(value, names):
    if isinstance(value, dict):
        return {k: drop(v, names) for k, v in value.items() if k not in names}
    return [drop(v, names) for v in value] if isinstance(value, list) else value


def main():
    kind, path, pid = sys.argv[1:4]
    with open(path, encoding='utf-8') as f:
        report = json.load(f)
    check(kind, report, int(pid))
    if len(sys.argv) > 4:
        with open(sys.argv[4], encoding='utf-8') as f:
            other = json.load(f)
        for name in set(report) | set(other):
            # gcore counts the wait for its own stop as a signal, and both stop at different places of a system call
            expect('the report\'s ' + name, drop(report.get(name), ('kind', 'pc', 'damage')),
                   drop(other.get(name), ('kind', 'pc', 'damage')))
    for line in failures:
        print('FAILED: ' + line[:2000])
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
