#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what `pyheap` says of numpy's arrays and scalars against what they were: each as print shows it, from the closure or from the
columns, and its references.   usage: numpy_check.py PYHEAP DUMP TRUTH"""
import json
import subprocess
import sys

PYHEAP, DUMP, TRUTH = sys.argv[1:]
BLOCK = 64  # bytes: heads, and what a chunk or a block is rounded to
wrong = []


def text(*args):
    return subprocess.run([PYHEAP] + list(args), stdout=subprocess.PIPE, timeout=60).stdout.decode()


def rows(*args):
    return [json.loads(line) for line in text(*args).splitlines()]


def expect(name, what, got, want):
    print('%-11s %-6s %s' % (name, what, str(got)[:150]))
    if got != want:
        wrong.append('%s: %s is %r, not %r' % (name, what, got, want))


with open(TRUTH) as f:
    truth = json.load(f)
found = {r['address']: r for pattern in ('numpy.*ndarray', 'numpy.*MaskedArray') for r in rows('find', '--json', DUMP, pattern)}
for name, want in truth['arrays'].items():
    address, got = want['address'], found[want['address']]
    refs = rows('referents', '--json', DUMP, address)
    labels = {}
    for r in refs:
        labels.setdefault(r['label'], []).append(r['address'])
    shape = '(%s)' % ', '.join(map(str, want['shape'])) if len(want['shape']) != 1 else '(%d,)' % want['shape'][0]
    description = 'dtype=%s shape=%s, %d bytes%s' % (
        want['name'], shape, want['nbytes'], ' of the base at ' + want['base'] if want['base'] else '')
    expect(name, 'size', got['size'], want['size'])
    expect(name, 'len', got['len'], want['len'])
    expect(name, 'value', got['value'], description)
    if want['type'] == 'numpy.ndarray':
        expect(name, 'printed', description in text('print', DUMP, address), True)
    expect(name, 'dtype', labels.get('.dtype'), [want['dtype']])
    expect(name, 'dtype', 'dtype(' + want['repr'][6:] in text('print', DUMP, want['dtype']) or
           want['name'] in text('print', DUMP, want['dtype']), True)
    expect(name, 'base', labels.get('.base'), [want['base']] if want['base'] else None)
    items = [[r['label'], r['address']] for r in refs if '[' in r['label'] and r['label'] != '.__dict__']
    expect(name, 'items', items, want['items'])
    object_held = rows('print', '--json', DUMP, address)[0].get('held')
    if want['own']:
        # a small buffer's chunk; a large one is a mapping of its own
        expect(name, 'held', want['nbytes'] < object_held < want['size'] + 4 * BLOCK + (4096 if want['nbytes'] > 1 << 17 else 0), True)
    else:
        expect(name, 'held', object_held < want['size'] + 4 * BLOCK, True)
heap = {r['address']: r for r in rows('export', DUMP)}
for address, name, shown, size in truth['scalars']:
    # as numpy prints them, but with the point of a float, and as 1e+16, not 1e16
    got = heap[address]['value']
    alike = got == shown or name.startswith(('float', 'Mine')) and got in (repr(float(shown)), shown + '.0')
    expect(name, 'value', got if not alike else shown, shown)
    expect(name, 'size', heap[address]['size'], size)
    if '\u2039' not in got:
        expect(name, 'printed', [got in text('print', DUMP, address)], [True])
print('\n'.join(wrong))
sys.exit(bool(wrong))
