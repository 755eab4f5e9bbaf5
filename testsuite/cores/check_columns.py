#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the columns of a dump, as zarr reads them, against `pyheap export --format=jsonl` and `pyheap print --json`.

usage: check_columns.py DUMP OBJECTS PYHEAP
       check_columns.py --without-texts DUMP COPY     a copy whose string/bytes lacks its first chunk
"""
import collections
import json
import subprocess
import sys
import zipfile

import numpy
import zarr

EXTRA, NONE, TYPE_VISITED, IMMORTAL = 128, 0xffffffff, 8, 2
NO_COUNT = -1
KINDS = 'type item key value attribute dict slot field local stack state weak guessed'.split()


def without_texts(dump, copy):
    with zipfile.ZipFile(dump) as old, zipfile.ZipFile(copy, 'w') as new:
        for info in old.infolist():
            if info.filename != 'string/bytes/0':
                new.writestr(info, old.read(info), info.compress_type)


def known(number, none=NO_COUNT):
    return None if number == none else int(number)


def main(dump, objects, pyheap):
    store = zarr.ZipStore(dump, mode='r')
    root = zarr.open(store, mode='r')
    c = {g + '/' + a: root[g][a][:] for g in root.group_keys() for a in root[g].array_keys()}
    expected = {'object/' + k for k in 'address type size held refcount len flags'.split()} | {
        'edge/start', 'edge/target', 'edge/kind', 'edge/argument', 'string/start', 'string/bytes',
        'value/object', 'value/string', 'root/object', 'root/kind', 'root/name'}
    # one that is added is to be compared below, and listed here
    assert expected == set(c), expected ^ set(c)
    with zipfile.ZipFile(dump) as z:
        meta = json.loads(z.read('types.json'))
    names = {t['index']: (t['name'], t['module']) for t in meta['types']}
    address, start, texts = c['object/address'], c['edge/start'], c['string/start']
    n, strings = len(address), len(texts) - 1
    assert numpy.all(address[1:] > address[:-1])
    assert len(start) == n + 1 and start[0] == 0 and start[-1] == len(c['edge/target'])
    assert numpy.all(start[1:] >= start[:-1]) and numpy.all(c['edge/target'] < n)
    assert texts[0] == 0 and texts[-1] == len(c['string/bytes']) and numpy.all(texts[1:] >= texts[:-1])
    assert numpy.all(c['value/object'][1:] > c['value/object'][:-1]) and numpy.all(c['value/object'] < n)
    assert numpy.all(c['value/string'] < strings)
    assert numpy.all(c['root/object'] < n) and numpy.all(c['root/kind'] & 127 < 20)
    assert len(c['root/object']) > 100 and len(set(c['root/kind'])) > 4
    assert numpy.all((c['root/name'] < strings) | (c['root/name'] == NONE))
    blob = c['string/bytes'].tobytes()
    value = {int(o): blob[texts[s]:texts[s + 1]].decode('utf-8', 'surrogatepass')
             for o, s in zip(c['value/object'], c['value/string'])}
    hexed = ['0x%x' % a for a in address]
    shown = {}
    i = -1
    with open(objects, encoding='utf-8') as lines:
        for i, line in enumerate(lines):
            o = json.loads(line)
            flags, t = int(c['object/flags'][i]), int(c['object/type'][i])
            edges = range(int(start[i]), int(start[i + 1]))
            refs = [hexed[t]] if flags & TYPE_VISITED and t != NONE else []
            refs += [hexed[c['edge/target'][k]] for k in edges if not c['edge/kind'][k] & EXTRA]
            extra = [(hexed[c['edge/target'][k]], KINDS[c['edge/kind'][k] & ~EXTRA]) for k in edges if c['edge/kind'][k] & EXTRA]
            mine = {'address': hexed[i], 'type': names.get(t, (None, None))[0], 'module': names.get(t, (None, None))[1],
                    'size': known(c['object/size'][i]), 'held': known(c['object/held'][i]), 'refs': refs, 'len': known(c['object/len'][i]), 'value': value.get(i)}
            if isinstance(o['value'], str):
                o['value'] = o['value'].encode('utf-16', 'surrogatepass').decode('utf-16', 'surrogatepass')
                mine['value'] = mine['value'].encode('utf-16', 'surrogatepass').decode('utf-16', 'surrogatepass')
            for key, was in mine.items():
                assert o[key] == was, (key, o[key], was, o)
            assert [(e['address'], e['kind']) for e in o['extra']] == extra, o
            if not flags & IMMORTAL:
                assert o['refcount'] == known(c['object/refcount'][i]), o
            shown[o['address']] = o
    assert i + 1 == n, 'export has %d objects, the columns %d' % (i + 1, n)
    # what `pyheap memory` attributes to objects
    with zipfile.ZipFile(dump) as z:
        rows = json.loads(z.read('memory.json'))['rows']
    held, owned = int(c['object/held'].sum()), sum(r['bytes'] for r in rows if r['what'].endswith(('.objects', '.blocks')))
    assert numpy.all(c['object/held'] >= 0) and held == owned, (held, owned)
    check_values(dump, pyheap, shown)
    text = lambda s: None if s == NONE else blob[texts[s]:texts[s + 1]].decode('utf-8', 'surrogatepass')
    check_roots(c, hexed, text, verb(pyheap, 'roots', dump))
    compared = check_arguments(c, hexed, text, shown, meta, lambda a: verb(pyheap, 'referents', dump, a))
    assert compared > ENOUGH, compared
    print('%d objects, %d edges (of %d the arguments), %d values, %d texts, %d roots agree' % (
        n, len(c['edge/target']), compared, len(value), strings, len(c['root/object'])))


def verb(pyheap, name, dump, *arguments):
    out = subprocess.run([pyheap, name, '--json', dump, *arguments], stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.decode('utf-8', 'surrogatepass').splitlines()]


def check_roots(c, hexed, text, shown):
    """address, name, and whether it is counted: of each root as `pyheap roots` has them"""
    mine = collections.Counter((hexed[o], text(n), not k & 128)
                               for o, k, n in zip(c['root/object'], c['root/kind'], c['root/name']))
    theirs = collections.Counter((r['address'], r['name'], r['counted']) for r in shown)
    assert mine == theirs, list(((mine - theirs) + (theirs - mine)).items())[:4]
    guessed = sum(14 <= k & 127 <= 16 for k in c['root/kind'])
    assert guessed == sum(r['guessed'] for r in shown), guessed


ENOUGH = 30  # edges


def check_arguments(c, hexed, text, shown, meta, referents):
    """what edges are called: two objects of each type, by what their arguments say"""
    of_type = collections.defaultdict(list)
    for i, t in enumerate(c['object/type']):
        if len(of_type[t]) < 2 and c['edge/start'][i + 1] > c['edge/start'][i]:
            of_type[t].append(i)
    some = sorted(i for these in of_type.values() for i in these)
    # one in eight; which these are is a matter of addresses, and so is how many edges they have: more, until there are enough
    least = len(some[::8])
    compared = 0
    for n, i in enumerate(k for step in range(8) for k in some[step::8]):
        if n >= least and compared > ENOUGH:
            break
        rows = [r for r in referents(hexed[i]) if r['kind'] != 'type']
        edges = [k for k in range(int(c['edge/start'][i]), int(c['edge/start'][i + 1]))
                 if KINDS[c['edge/kind'][k] & ~EXTRA] != 'type']
        assert [r['address'] for r in rows] == [hexed[c['edge/target'][k]] for k in edges], hexed[i]
        for r, k in zip(rows, edges):
            kind, argument = KINDS[c['edge/kind'][k] & ~EXTRA], int(c['edge/argument'][k])
            assert r['kind'] == kind and r['extra'] == bool(c['edge/kind'][k] & EXTRA), r
            if kind == 'attribute':
                assert r['name'] == shown[hexed[argument]]['value'], (r, argument)
            elif kind == 'value' and r['key']:
                assert r['key'] == hexed[argument], (r, argument)
            elif kind == 'field':
                assert r['field'] == meta['fields'][argument], (r, argument)
            elif kind in ('item', 'local', 'stack'):
                assert r['place'] == argument, (r, argument)
            else:
                continue
            compared += 1
    return compared


def shows_text(o):
    return o['repr'].startswith(("'", '"'))


def check_values(dump, pyheap, shown):
    """What the stacks reach is in closure.jsonl too, rendered by other code."""
    kinds = {}
    with zipfile.ZipFile(dump) as z:
        lines = z.read('closure.jsonl').decode('utf-8', 'surrogatepass').splitlines()
        python2 = json.loads(z.read('manifest.json'))['python'].startswith('2')
    compared = 0
    for line in lines:
        o = json.loads(line)
        e = shown.get(o['address'])
        if e is None:
            continue
        numbers = [(r['size'], r['len'], r['refcount']) for r in (o, e)]
        assert numbers[0] == numbers[1], (o['address'], o['type'], numbers)
        was, now = o['value'], e['value']
        # what is known of the whole heap takes out more than what was known of the stacks
        if now != was and now is not None and '\u2039redacted\u203a' in now:
            continue
        if was is not None and o['len'] is not None:
            # both stop at a thousand; bytes are in hexadecimal
            text = o['type'] == ('unicode' if python2 else 'str') or len(was) == min(o['len'], 1000)
            # 2.7's str is text of as many bytes
            was = was[:200] if text else was[:400] if python2 and shows_text(o) else was[:128]
        assert now == was, (o['address'], o['type'], now, was)
        compared += was is not None
        kinds[o['type']] = kinds.get(o['type'], 0) + (was is not None)
    assert compared > 100 and len([k for k in kinds if kinds[k]]) > 3, kinds
    some = [json.loads(line)['address'] for line in lines if '"value":"' in line]
    some = [a for a in some if a in shown][:5]
    out = subprocess.run([pyheap, 'print', '--json', dump] + some, stdout=subprocess.PIPE, check=True).stdout
    for line in out.decode('utf-8').splitlines():
        o = json.loads(line)
        assert (o['value'] or '')[:100] == (shown[o['address']]['value'] or '')[:100], o


if __name__ == '__main__':
    if sys.argv[1] == '--without-texts':
        without_texts(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
