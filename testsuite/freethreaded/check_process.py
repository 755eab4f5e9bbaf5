#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the report and the types of a dump against what process.c said that it laid out.

usage: check_process.py OUTPUT REPORT.json TYPES.jsonl OBJECTS.jsonl
"""
import json
import sys


def main():
    output, report, types, objects = sys.argv[1:]
    report = json.load(open(report, encoding='utf-8'))
    types = [json.loads(line) for line in open(types, encoding='utf-8')]
    objects = [json.loads(line) for line in open(objects, encoding='utf-8')]
    counts = {t['type']: t['count'] for t in types}
    threads = {'main' if t['crashed'] else 'other': t for t in report['threads']}
    said = {'main': [], 'other': []}
    got = []
    for name, t in threads.items():
        for f in t['frames']:
            got.append('%s frame %s %d %s' % (name, f['function'], f['line'],
                                              ' '.join('%(name)s=%(repr)s' % v for v in f['locals'])))
        e = t['exception']
        if e:
            got.append('%s exception %s %s' % (name, e['type'], e['message']))
            got += ['%s traceback %s %d' % (name, f['function'], f['line']) for f in e['traceback']]
    good = bad = 0
    for line in open(output, encoding='utf-8').read().splitlines():
        words = line.split(' ')
        if words[0] == 'heap':
            is_so = counts.get(words[1]) == int(words[2])
        elif words[0] == 'refcount':
            is_so = [o['refcount'] for o in objects if o['type'] == words[1]] == [int(words[2])]
        else:
            is_so = got[:1] != [] and line in got
            said[words[0]].append(line)
        good += is_so
        bad += not is_so
        if not is_so:
            print('FAILED: %s' % line)
    ours = [line for name in threads for line in said[name]]
    if sorted(got) != sorted(ours) or [g for g in got if g.startswith('main frame')] != [
            s for s in ours if s.startswith('main frame')]:
        print('FAILED: the report has, in another order or beyond it: %s' % '\n'.join(got))
        bad += 1
    if not report['python']['free_threaded']:
        print('FAILED: it is not said to be free-threaded')
        bad += 1
    print('%d of %d as it was laid out; layout from %s' % (good, good + bad, report['python']['origin']))
    sys.exit(1 if bad or good < 19 else 0)


main()
