#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold `pyheap print --json DUMP ADDRESS...` against what the dying interpreter wrote of its module's globals.

usage: check_objects.py [--alone] PYHEAP DUMP GT.json
PYHEAP is the program. Every global of the conformance program (some 150 kinds of object) is printed by address: type,
value, length, items, pairs, attributes, the frame of a generator, the parts of an exception, and repr where Python's own
repr is well defined. The dump must be made with --redact=none. --alone: it was made without the executable's file, which
may hold the item codes of array.array among its constants (an ET_EXEC's .rodata is in no core): such an array may then
print as type and address, and is counted apart. Prints a score for each aspect, then `objects: N of M`.
"""
import json, math, subprocess, sys

REPR = set('''int long float complex str unicode bytes bytearray bool NoneType ellipsis NotImplementedType list tuple dict set
frozenset range xrange slice type function method instancemethod builtin_function_or_method code generator coroutine cell
mappingproxy dictproxy dict_keys dict_items dict_keyiterator list_iterator collections.deque collections.defaultdict
collections.OrderedDict collections.Counter types.SimpleNamespace functools.partial datetime.date datetime.datetime
datetime.time datetime.timedelta weakref weakref.ReferenceType memoryview property object array.array enumerate zip map
__main__.Point __main__.Color __main__.Level __main__.DC __main__.FDC __main__.SDC __main__.ListSub __main__.TupleSub
__main__.DictSub __main__.StrSub __main__.IntSub __main__.FloatSub __main__.BytesSub __main__.SetSub __main__.Plain
__main__.Slotted __main__.SlottedChild __main__.SlottedDict __main__.WithMeta __main__.ManyAttrs __main__.Node
__main__.AppError SystemExit ExceptionGroup FileNotFoundError StopIteration UnicodeDecodeError'''.split())


def tail(name):
    return (name or '').rsplit('.', 1)[-1]


def num(s):
    return int(str(s), 0)


def addr(x):
    return num(x) if x is not None else None


class Score:
    def __init__(self):
        self.rows, self.misses = {}, []

    def add(self, aspect, ok, what):
        r = self.rows.setdefault(aspect, [0, 0])
        r[0] += bool(ok)
        r[1] += 1
        if not ok and len(self.misses) < 60:
            self.misses.append('%s: %s' % (aspect, what))


def group(s, name, got, want):
    s.add('exceptions', got is not None and tail(got.get('type')) == tail(want['type']), '%s %r' % (name, got and got.get('type')))
    if got is None:
        return
    if want.get('__notes__'):
        s.add('notes', got.get('notes') == want['__notes__'], '%s %r, not %r' % (name, got.get('notes'), want['__notes__']))
    for i, w in enumerate(want.get('exceptions') or []):
        inner = got.get('exceptions') or []
        group(s, '%s.exceptions[%d]' % (name, i), inner[i] if i < len(inner) else None, w)


def value(s, name, got, d):
    v = got.get('value')
    try:
        if 'hex' in d:
            s.add('ints', num(v) == int(d['hex'].rstrip('L'), 16), '%s %.60r, not %.60s' % (name, v, d['hex']))
        elif 'float_hex' in d:
            a, b = float(v), float.fromhex(d['float_hex'])
            s.add('floats', a == b and math.copysign(1, a) == math.copysign(1, b) or a != a and b != b, '%s %r, not %r' % (name, v, b))
        elif 'bytes_hex' in d:
            s.add('bytes', v is not None and len(v) >= min(128, len(d['bytes_hex'])) and (d['bytes_hex'].startswith(v) or v.startswith(d['bytes_hex'])), '%s %.80r, not %.80r' % (name, v, d['bytes_hex']))
        elif 'value' in d:
            w = d['value']
            s.add('strings', v is not None and len(v) >= min(200, len(w)) and (w.startswith(v) or v.startswith(w)), '%s %.80r, not %.80r' % (name, v, w))
    except (TypeError, ValueError) as e:
        s.add('values', False, '%s value %.60r: %s' % (name, v, e))


def main():
    program, dump, gt = sys.argv[-3], sys.argv[-2], json.load(open(sys.argv[-1]))
    alone, without_codes = '--alone' in sys.argv[1:-3], 0
    want = {k: d for k, d in gt['globals'].items() if k not in ('MODE', 'N', 'OUT', '_i')}
    addresses = sorted({d['id'] for d in want.values()})
    p = subprocess.run([program, 'print', '--json', dump] + addresses, stdout=subprocess.PIPE)
    got = {}
    for line in p.stdout.decode('utf-8', 'surrogatepass').splitlines():
        if line.startswith('{'):
            o = json.loads(line)
            got[addr(o['address'])] = o
    s = Score()
    for name, d in sorted(want.items()):
        o = got.get(num(d['id']))
        s.add('printed', o is not None, '%s %s' % (name, d['id']))
        if o is None:
            continue
        s.add('types', tail(o.get('type')) == tail(d['type']), '%s %r, not %r' % (name, o.get('type'), d['type']))
        value(s, name, o, d)
        if 'len' in d:
            s.add('lengths', o.get('len') == d['len'], '%s %r, not %r' % (name, o.get('len'), d['len']))
        if 'items' in d:
            n = min(20, len(d['items']))
            s.add('items', [addr(x) for x in (o.get('items') or [])[:n]] == [num(x[0]) for x in d['items'][:n]], name)
        if 'pairs' in d:
            n = min(20, len(d['pairs']))
            s.add('pairs', [[addr(k), addr(v)] for k, v in (o.get('pairs') or [])[:n]] == [[num(x[0]), num(x[2])] for x in d['pairs'][:n]], name)
        for group_name in ('attrs', 'slots'):
            for k, v in (d.get(group_name) or {}).items():
                if v is not None:
                    s.add('attributes', addr((o.get('attributes') or {}).get(k)) == num(v['id']), '%s.%s' % (name, k))
        if (d.get('gen') or {}).get('line'):
            f = o.get('frame') or {}
            s.add('suspended frames', f.get('function') == d['gen']['code'] and f.get('line') == d['gen']['line'], '%s %r:%r, not %r:%r' % (name, f.get('function'), f.get('line'), d['gen']['code'], d['gen']['line']))
        if 'exc' in d:
            group(s, name, o.get('exception'), d['exc'])
        r = d['repr']
        if d['type'] in REPR and len(r) <= 100 and '<first' not in r and not ('<' in r and d['type'] in ('list', 'tuple')):
            if alone and d['type'] == 'array.array' and o.get('repr') == '<array.array object at 0x%x>' % num(d['id']):
                without_codes += 1
                continue
            s.add('reprs', o.get('repr') == r, '%s %.100r, not %r' % (name, o.get('repr'), r))
    good = total = 0
    for a, (g, t) in s.rows.items():
        good, total = good + g, total + t
        print('%-18s %d of %d' % (a, g, t))
    for m in s.misses:
        print('  ' + m[:240])
    if without_codes:
        print('%d arrays whose item codes the core left out' % without_codes)
    print('objects: %d of %d' % (good, total))
    sys.exit(0 if good == total else 1)


main()
