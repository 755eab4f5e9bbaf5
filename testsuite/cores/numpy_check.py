#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what `pyheap` says of numpy's arrays against what they were.   usage: numpy_check.py PYHEAP DUMP TRUTH"""
import json
import subprocess
import sys

PYHEAP, DUMP, TRUTH = sys.argv[1:]
wrong = []


def rows(*args):
    text = subprocess.run([PYHEAP] + list(args), stdout=subprocess.PIPE, timeout=60).stdout.decode()
    return [json.loads(line) for line in text.splitlines()]


def expect(name, what, got, want):
    print('%-7s %-6s %s' % (name, what, got))
    if got != want:
        wrong.append('%s: %s is %r, not %r' % (name, what, got, want))


with open(TRUTH) as f:
    truth = json.load(f)
found = {r['address']: r for r in rows('find', '--json', DUMP, 'numpy.ndarray')}
for name, want in truth.items():
    got = found[want['address']]
    refs = {}
    for r in rows('referents', '--json', DUMP, want['address']):
        refs.setdefault(r['label'], []).append(r['address'])
    expect(name, 'size', got['size'], want['size'])
    expect(name, 'len', got['len'], want['len'])
    expect(name, 'dtype', refs.get('.dtype'), [want['dtype']])
    expect(name, 'base', refs.get('.base'), [want['base']] if want['base'] else None)
    printed = rows('print', '--json', DUMP, want['address'])[0]
    shown = printed['repr']
    expect(name, 'printed size', printed['size'], want['size'])
    shape = '(%s)' % ', '.join(map(str, want['shape'])) if len(want['shape']) != 1 else '(%d,)' % want['shape'][0]
    expect(name, 'print', shown, '<numpy.ndarray dtype=%s shape=%s, %d bytes%s>' % (
        'V10' if name == 'record' else want['name'], shape, want['nbytes'], ' of the base at ' + want['base'] if want['base'] else ''))
    items = [refs['[%d]' % i][0] for i in range(len(want['items'])) if '[%d]' % i in refs]
    expect(name, 'items', items, want['items'])
print('\n'.join(wrong))
sys.exit(bool(wrong))
