#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold `core2pyheap --report=json` against what the dying interpreter wrote of itself.

usage: check_report.py [--tasks] REPORT.json GT.json
--tasks holds the asyncio tasks and their await chains as well. Prints a score for each aspect, then one line `report: N of M`; exits 0 where all hold.
"""
import json, re, sys

SIMPLE = {'int', 'float', 'str', 'bytes', 'NoneType', 'bool', 'complex', 'list', 'tuple', 'dict', 'set',
          'frozenset', 'range', 'long', 'unicode', 'bytearray', 'collections.deque'}


def no_addr(s):
    return re.sub(r'0x[0-9a-fA-F]+', '0x', s)


class Score:
    def __init__(self):
        self.rows = {}
        self.misses = []

    def add(self, aspect, ok, what=''):
        r = self.rows.setdefault(aspect, [0, 0])
        r[0] += bool(ok)
        r[1] += 1
        if not ok and len(self.misses) < 40:
            self.misses.append('%s: %s' % (aspect, what))


def tail(name):
    return name.rsplit('.', 1)[-1]


def number(x):
    return int(x, 0) if isinstance(x, str) else x


def check_exc(s, got, want, path):
    if not got:
        s.add('exceptions', False, path + ' is missing')
        return
    s.add('exceptions', tail(got.get('type') or '') == tail(want['type']), '%s type %r, not %r' % (path, got.get('type'), want['type']))
    tb = [(f.get('function'), f.get('line')) for f in got.get('traceback') or []]
    wtb = [(f['func'], f['line']) for f in want['tb']]
    s.add('tracebacks', tb == wtb, '%s %r, not %r' % (path, tb, wtb))
    if want.get('args') is not None:
        args = got.get('args') or ''
        for a in want['args']:
            if a['type'] in ('int', 'str'):
                s.add('arguments', a['repr'] in str(args) or a['repr'].strip("'") in str(args), '%s args %r lack %s' % (path, args, a['repr']))
    for k, j in (('__cause__', 'cause'), ('__context__', 'context')):
        if want.get(k):
            check_exc(s, got.get(j), want[k], path + '.' + j)
        else:
            s.add('chain ends', not got.get(j) or k == '__cause__' and want.get('__context__') == got.get(j), '%s.%s should be null' % (path, j))
    if want.get('__notes__'):
        s.add('notes', got.get('notes') == want['__notes__'], '%s %r, not %r' % (path, got.get('notes'), want['__notes__']))
    if '__suppress_context__' in want:
        s.add('suppress_context', bool(got.get('suppress_context')) == bool(want['__suppress_context__']), path)


def check_tasks(s, rep, want):
    ours = {number(t.get('address')): t for t in rep.get('tasks') or []}
    for w in want:
        if w['done']:
            continue
        t = ours.get(number(w['id']))
        s.add('tasks', t is not None, 'no task %s' % (w['name'] or w['id']))
        if t is None:
            continue
        if w['name']:
            s.add('task names', t.get('name') == w['name'], '%r, not %r' % (t.get('name'), w['name']))
        chain = [(c['code'], c['line']) for c in w['await_chain'] if 'line' in c]
        got = [(f.get('function'), f.get('line')) for f in t.get('awaiting') or []]
        s.add('await chains', got == chain, '%s %r, not %r' % (w['name'], got, chain))
        for c, f in zip([c for c in w['await_chain'] if 'line' in c], t.get('awaiting') or []):
            loc = {x.get('name'): x for x in f.get('locals') or []}
            for name, d in c['locals'].items():
                s.add('task locals', number((loc.get(name) or {}).get('address') or 0) == number(d['id']), '%s.%s' % (c['code'], name))


def main():
    rep = json.load(open(sys.argv[-2]))
    gt = json.load(open(sys.argv[-1]))
    s = Score()
    want_v = gt['sys_version'].split()[0].rstrip('+')
    s.add('version', (rep.get('python') or {}).get('version') == want_v, '%r, not %r' % ((rep.get('python') or {}).get('version'), want_v))
    s.add('debug build', bool((rep.get('python') or {}).get('debug')) == bool(gt['py_debug']), 'debug')
    threads = rep.get('threads') or []
    # one entry a thread state with frames: a thread inside two interpreters has two with the same id
    count = len({number(t.get('id')) for t in threads})
    s.add('thread count', count == len(gt['threads']), '%d, not %d' % (count, len(gt['threads'])))
    for w in gt['threads']:
        wanted = [f['func'] for f in w['stack_outermost_first']]
        same = [t for t in threads if number(t.get('id')) == number(w['ident']) or w.get('native_id') and t.get('native_id') == w['native_id']]
        same.sort(key=lambda t: [f.get('function') for f in t.get('frames') or []][:1] == wanted[:1])
        got = same[-1] if same else None
        s.add('threads', got is not None, 'no thread %s' % w['name'])
        if got is None:
            continue
        s.add('thread names', got.get('name') == w['name'], '%r, not %r' % (got.get('name'), w['name']))
        frames = got.get('frames') or []
        wf = w['stack_outermost_first']
        names = [f.get('function') for f in frames]
        if w['crashing']:
            s.add('crashed', bool(got.get('crashed')) or gt['mode'] == 'live', '%s is not marked' % w['name'])
            if gt['mode'] in ('abort', 'excepthook', 'fatal', 'recurse'):
                holders = [t.get('name') for t in threads if t.get('holds_gil')]
                s.add('GIL', holders == [w['name']] or not gt.get('gil_enabled', True), 'held by %r, not %r' % (holders, w['name']))
            wf = [f for f in wf if f['func'] != '_twin']
            # what the twin has of these is where it was made
            while wf and wf[-1]['func'] in ('deep', 'die'):
                wf.pop()
            if wf and wf[-1]['func'] == 'crash':
                if names and names[-1] in ('die', 'deep'):
                    depth = names.count('deep')
                    s.add('recursion', depth == (1501 if gt['mode'] == 'recurse' else 0), '%d frames of deep' % depth)
                    while names and names[-1] == 'deep':
                        names.pop(), frames.pop()
                    if names and names[-1] == 'die':
                        names.pop(), frames.pop()
                else:
                    s.add('frames', False, 'the crashing thread does not end in die: %r' % names[-3:])
        s.add('frames', names == [f['func'] for f in wf], '%s %r, not %r' % (w['name'], names, [f['func'] for f in wf]))
        if names != [f['func'] for f in wf]:
            continue
        for i, (f, t) in enumerate(zip(frames, wf)):
            last = w['crashing'] and i == len(wf) - 1
            if not last:
                s.add('lines', f.get('line') == t['line'], '%s.%s line %r, not %r' % (w['name'], t['func'], f.get('line'), t['line']))
            s.add('files', f.get('file') == t['file'], '%r, not %r' % (f.get('file'), t['file']))
            if not isinstance(t['locals'], dict) or t['func'] == '<module>' or last:
                continue
            loc = {x.get('name'): x for x in f.get('locals') or []}
            for name, d in t['locals'].items():
                g = loc.get(name)
                s.add('locals', g is not None, '%s.%s: no local %s' % (w['name'], t['func'], name))
                if g is None:
                    continue
                if int(g.get('address') or '0', 16) != int(d['id'], 16):
                    s.add('local identity', False, '%s.%s at %s, not %s' % (t['func'], name, g.get('address'), d['id']))
                else:
                    s.add('local identity', True)
                s.add('local types', tail(g.get('type') or '') == tail(d['type']), '%s.%s %r, not %r' % (t['func'], name, g.get('type'), d['type']))
                if d['type'] in SIMPLE and len(d['repr']) < 60 and ' at 0x' not in d['repr'] and '<first' not in d['repr']:
                    s.add('local values', no_addr(g.get('repr') or '') == no_addr(d['repr']), '%s.%s %r, not %r' % (t['func'], name, g.get('repr'), d['repr']))
    if gt.get('exception'):
        crash = [w for w in gt['threads'] if w['crashing']]
        got = None
        for t in threads:
            if t.get('exception') and (not crash or t.get('native_id') == crash[0].get('native_id') or t.get('name') == crash[0]['name']):
                got = t['exception']
        check_exc(s, got, gt['exception'], 'exception')
    if '--tasks' in sys.argv and isinstance(gt.get('tasks'), list):
        check_tasks(s, rep, gt['tasks'])
    good = total = 0
    for a, (g, t) in s.rows.items():
        good += g
        total += t
        print('%-18s %d of %d' % (a, g, t))
    for m in s.misses:
        print('  ' + m[:300])
    print('report: %d of %d' % (good, total))
    sys.exit(0 if good == total else 1)


main()
