#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the greenlets of a report against what greenlets_program.py wrote.  usage: greenlets_check.py REPORT.json TRUTH.json"""
import json
import sys

report = json.load(open(sys.argv[1], encoding='utf-8'))
truth = json.load(open(sys.argv[2], encoding='utf-8'))
version = tuple(map(int, report['python']['version'].split('.')[:2]))
got = {g['address']: g for g in report['greenlets']}
threads = {t['id']: t['name'] for t in report['threads']}
bad = frames = 0


def miss(*what):
    global bad
    bad += 1
    print('  ', *what)


def locals_of(frame):
    return sorted(x['name'] for x in frame['locals'] if not x['name'].startswith(('__', '.')))


for want in truth['greenlets']:
    g = got.pop(want['address'], None)
    if not g:
        # threads' own while they run
        if want['parent'] or want['state'] != 'running':
            miss('missing:', want['address'], want['state'], want['type'])
        continue
    for key in 'state', 'parent':
        if g[key] != want[key]:
            miss(g['address'], key, g[key], 'not', want[key])
    if g['type'].split('.')[-1] != want['type'].split('.')[-1]:
        miss(g['address'], 'type', g['type'], 'not', want['type'])
    if g['state'] == 'running':
        # it is some lines further on, or in the twin's
        stack, truth_stack = ([f['function'] for f in s] for s in (g['awaiting'], want['frames']))
        if truth_stack and stack[:1] != truth_stack[:1]:
            miss(g['address'], stack, 'not', truth_stack)
        continue
    stack, truth_stack = ([(f['function'], f['line']) for f in s] for s in (g['awaiting'], want['frames']))
    if stack != truth_stack:
        miss(g['address'], stack, 'not', truth_stack)
        continue
    frames += len(stack)
    for f, w in zip(g['awaiting'], want['frames']):
        if w['locals'] is not None and locals_of(f) != w['locals']:
            miss(g['address'], f['function'], 'locals', locals_of(f), 'not', w['locals'])
        if f['function'] == 'switcher' and 'hunter2' in json.dumps(f):
            miss('a secret')
    if not g['thread'] or not threads.get(g['thread']):
        miss(g['address'], 'of no thread')
    if want['state'] == 'not started' and (g['coroutine'] or '').split('.')[-1] not in ('switcher', 'sleeper', 'run'):
        miss(g['address'], 'starts with', g['coroutine'])
if got:
    miss('not expected:', sorted(got))
tasks = sorted(str(g['task']) for g in report['greenlets'] if g['type'] == '__main__.Worker')
names = sorted(t['name'] for t in report['tasks'] if t['coroutine'] in ('session', 'main')) if version >= (3, 8) else []
if version >= (3, 8) and tasks != names:
    miss('for tasks', tasks, 'not', names)
if [g for g in report['greenlets'] if g['name'] == 'named'] == []:
    miss('no name')
print('  greenlet %s, gevent %s: %d greenlets, %d frames, %d wrong' %
      (truth['version'], truth['gevent'], len(truth['greenlets']), frames, bad))
sys.exit(bool(bad) or len(truth['greenlets']) < 15)
