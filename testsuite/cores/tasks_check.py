#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the tasks of a report against what tasks_program.py left.  usage: tasks_check.py REPORT.json"""
import json
import sys

report = json.load(open(sys.argv[1], encoding='utf-8'))
version = tuple(map(int, report['python']['version'].split('.')[:2]))
tasks = report['tasks']
threads = {t['id']: t['name'] for t in report['threads']}


def chain(t):
    return [f['function'] for f in t['awaiting']]


def entry(t):
    waiting = t['waiting_for'] or {}
    side = bool(t['thread']) and threads[t['thread']] != 'MainThread'
    return t['coroutine'], t['state'], tuple(chain(t)), waiting.get('what'), side


cancelling = 'cancelling' if version >= (3, 11) else 'pending'
enter = ('want_lock', '__aenter__', 'acquire')
want = [
    ('main', 'running', ('main',), None, False),
    ('hold', 'pending', ('hold', 'sleep'), 'sleep', False),
    ('want_event', 'pending', ('want_event', 'wait'), 'event', False),
    ('want_queue', 'pending', ('want_queue', 'get'), 'queue', False),
    ('want_semaphore', 'pending', ('want_semaphore', 'acquire'), 'semaphore', False),
    ('want_condition', 'pending', ('want_condition', 'wait'), 'condition', False),
    ('want_gather', 'pending', ('want_gather',), 'gather', False),
    ('want_task', 'pending', ('want_task',), 'task', False),
    ('want_agen', 'pending', ('want_agen', 'agen', 'leaf'), 'future', False),
    ('stubborn', cancelling, ('stubborn', 'sleep'), 'sleep', False),
    ('leaf', 'pending', ('leaf',), 'future', False),
    ('fresh', 'pending', ('fresh',), None, False),
    ('side', 'pending', ('side', 'sleep'), 'sleep', True),
] + [('want_lock', 'pending', enter, 'lock', False)] * 12
if version >= (3, 12):
    want.append(('leaf', 'pending', ('leaf',), 'future', False))
got = [entry(t) for t in tasks]
missing = list(want)
surplus = []
for e in got:
    if e in missing:
        missing.remove(e)
    else:
        surplus.append(e)
for what, entries in ('missing', missing), ('not expected', surplus):
    for e in entries:
        print('  %s: %r' % (what, e))
bad = len(missing) + len(surplus)
for t in tasks:
    for f in t['awaiting']:
        names = {x['name']: x for x in f['locals']}
        if f['function'] == 'leaf' and not (names['password']['redacted'] and 'hunter2' not in names['password']['repr']
                                            and names['note']['repr'] == "['leaf']"):
            print('  locals of leaf: %r' % names)
            bad += 1
locks = {t['waiting_for']['address'] for t in tasks if t['coroutine'] == 'want_lock'}
if len(locks) != 1:
    print('  one lock, not %r' % locks)
    bad += 1
# 3.13.0 calls a task of a task factory str(None)
if version >= (3, 8) and [t for t in tasks if not t['name'].startswith('Task-') and t['name'] != 'None']:
    print('  names: %r' % [t['name'] for t in tasks])
    bad += 1
sys.exit(bool(bad))
