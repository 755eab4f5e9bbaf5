#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: damaged_heap.py FOLDER-OF-CORE CORE2PYHEAP PYHEAP SCRATCH"""
import json
import os
import subprocess
import sys
import zipfile

import told_damage
from corefile import Altered

folder, program, reader, scratch = sys.argv[1:]
core = os.path.join(folder, 'core')
damaged = os.path.join(scratch, 'core')
bad = 0
converted = []  # what core2pyheap said last


def fail(text):
    global bad
    bad += 1
    print('FAILED: %s' % text)


def convert(path, name):
    dump = os.path.join(scratch, name)
    done = subprocess.run([program, '--report=none', '-o', dump, path], stderr=subprocess.PIPE, timeout=60)
    if done.returncode:
        fail('%s: status %d: %s' % (name, done.returncode, done.stderr.decode()))
        sys.exit(1)
    converted[:] = done.stderr.decode(errors='replace').splitlines()
    out = subprocess.run([reader, 'export', dump], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=60).stdout
    objects = {}
    for line in out.splitlines():
        o = json.loads(line)
        objects[o['address']] = o
    archive = zipfile.ZipFile(dump)
    names = ['manifest.json'] + [n for n in archive.namelist() if n == 'damage.json']
    return objects, [d for n in names for d in json.loads(archive.read(n))['damage']]


whole, damage = convert(core, 'whole')
if [d for d in damage if d['kind'] == 'heap']:
    fail('damage where there is none: %r' % damage)

tracked = {line.split('\t')[0] for line in open(os.path.join(folder, 'heap.tsv'), errors='replace') if '\t1\t' in line}
# what nothing refers to is not missed
referred = {r for o in whole.values() for r in o['refs']}
pick = {}
for a, o in whole.items():
    if a[2:] in tracked and a in referred and o['type'] in ('list', 'tuple', 'function', 'cell') and o['len'] != 0 and o['refcount'] == 1:
        pick.setdefault(o['type'], []).append(int(a, 16))
broken_list, broken_tuple, broken_link, broken_type = (
    pick['list'][3], pick['tuple'][5], pick['function'][7], pick['cell'][9])
head = 16  # _gc_next, _gc_prev


def plain(o):
    """What only holds values: nobody finds anything through it."""
    return o['len'] and all(r in whole and whole[r]['type'] in ('str', 'int', 'float', 'NoneType') for r in o['refs'])


def some(kind):
    """Those of a type that may be altered, the least in demand first."""
    found = sorted((o['refcount'], int(a, 16)) for a, o in whole.items() if o['type'] == kind and (kind in ('deque', 'OrderedDict', 'bytearray') or plain(o)))
    return [a for _, a in found if whole['0x%x' % a]['len']]


deques = some('deque')
too_long = dict.fromkeys(deques[:2] + some('dict')[:1] + some('set')[:1] + some('bytearray')[:1] + some('OrderedDict')[:1] + [broken_list])
if len(too_long) != 7:
    fail('only %d to alter' % len(too_long))

pool = 0
with Altered(core, damaged) as f:
    f.put(broken_list + 16, 1 << 61)               # ob_size
    f.put(broken_tuple + 16, 1919247987)
    f.put(broken_link - head, 0xdeadbeefdeadbe00)  # where the next object in the list is
    f.put(broken_type + 8, broken_list)            # a list as a type
    a, circle, table, members, text, ordered, _ = too_long
    f.put(a + 16, 1 << 60)                         # ob_size of a deque
    f.put(circle + 16, 1 << 39)
    block = f.get(circle + 24)                     # leftblock, which is its own right neighbour
    f.put(circle + 32, 0)                          # rightblock
    f.put(block + 65 * 8, block)
    f.put(table + 16, 1 << 50)                     # ma_used of a dict
    f.put(members + 24, 1 << 20)                   # used of a set
    f.put(text + 16, 1 << 45)                      # ob_size of a bytearray
    f.put(ordered + 16, 1 << 58)                   # ma_used of an OrderedDict
    node = f.get(ordered + 80)                     # od_first
    f.put(node + 16, node)                         # its next
    # a pool with free blocks: the first one leads into the middle of a block
    for a in whole:
        pool, free = f.pool(int(a, 16)) or (0, 0)
        if free and f.get(free):
            f.put(free, free + 8)
            break

objects, damage = convert(damaged, 'damaged')
texts = ['%s: %s' % (d['where'], d['what']) for d in damage if d['kind'] == 'heap']
print('\n'.join(texts))
for a in too_long:
    if not any('length of that at 0x%x cannot be' % a in text for text in texts):
        fail('no damage tells of the length of the %s at 0x%x' % (whole['0x%x' % a]['type'], a))
    if objects.get('0x%x' % a, {}).get('len', 0) is not None:
        fail('the length of that at 0x%x is known: %r' % (a, objects.get('0x%x' % a)))
for wanted in ('length of that at 0x%x cannot be' % broken_tuple,
               'at 0x%x is no object' % broken_type, 'pool at 0x%x is broken' % pool, 'breaks behind that at 0x%x' % broken_link,
               '0x%x in its lists has no type' % broken_type):
    if not any(wanted in text for text in texts):
        fail('no damage says %r' % wanted)
# what was altered, what only it leads to, and nothing else
gone = whole.keys() - objects.keys()
print('%d objects before, %d after; %d are not there' % (len(whole), len(objects), len(gone)))
if '0x%x' % broken_type not in gone:
    fail('what has no type is an object')
if len(gone) > 20 + len(whole) // 10000:
    fail('more is gone than was altered: %s' % sorted(gone)[:10])
if len(objects) > len(whole) + 200:
    fail('%d objects too many' % (len(objects) - len(whole)))
same = sum(objects[a]['refs'] == whole[a]['refs'] for a in objects.keys() & whole.keys())
if same < len(whole) - 100:
    fail('the references of %d objects changed' % (len(whole) - same))
entries = [(d['kind'], d['where'], d['what'], d['count']) for d in damage if d['kind'] == 'heap']
count = sum(d[3] for d in entries)
told = '%d places of its heap are damaged (one: ' % count, '0x'
some_dict = next(a for a, o in sorted(objects.items()) if o['type'] == 'dict' and o['refcount'] > 0 and o['refs'] and a in whole)
paths = {name: os.path.join(scratch, name) for name in ('whole', 'damaged')}
for name, says in (('whole', None), ('damaged', told)):
    for problem in told_damage.check(reader, paths[name], some_dict, 'dict', says, 0, entries):
        fail('the %s one: %s' % (name, problem))
if len([line for line in converted if '%d places of its heap are damaged (one: ' % count in line and 'not in the dump' in line]) != 1:
    fail('core2pyheap says %r' % converted)


def ask(verb, name, *options):
    """lines of its output, of its warnings"""
    code, out, err = told_damage.run(reader, verb, paths[name], *options)
    if code:
        fail('%s of the %s one: status %d' % (verb, name, code))
    return out, err


for name, lines in (('damaged', 1), ('whole', 0)):
    out, err = ask('report', name)
    said = [line for line in out if line.startswith('The dump: ')]
    if len(said) != lines or err or not all(told[0] in line for line in said):
        fail('report of the %s one: %r, %r' % (name, said, err))

# what lacks in the older dump looks like growth, in the newer like none
for new, old, which in (('whole', 'damaged', 'damaged'), ('damaged', 'whole', 'damaged')):
    out, err = ask('types', new, '--baseline=' + paths[old], '--json')
    last = json.loads(out[-1])
    if not told_damage.warned(paths[which], err, told) or last.get('of') != ('baseline' if old == which else None) or len(last['damage']) != len(entries):
        fail('types --baseline: %r, %r' % (err, last))
if ask('types', 'whole', '--baseline=' + paths['whole'], '--json') != ([], []):
    fail('growth between a dump and itself')

# the file is not what is wrong
out, err = ask('verify', 'damaged')
for text in texts:
    if not any(line.startswith('  ' + text) for line in out):
        fail('verify does not say %r' % text)
if not out[0].startswith('the file is intact: ') or told[0] not in out[1] or 'but it was made of what was not whole' not in out[1] or err:
    fail('verify: %r, %r' % (out[:2], err))
out, err = ask('verify', 'whole')
if len(out) != 1 or not out[0].startswith('whole: ') or err:
    fail('verify: %r, %r' % (out, err))
found = json.loads(ask('verify', 'damaged', '--json')[0][0])
if not found['whole'] or [(d['kind'], d['where'], d['what'], d['count']) for d in found['damage']] != entries or found['damage_dropped']:
    fail('verify --json tells of %r' % found)
sizes = {row['type']: row['size'] for row in map(json.loads, ask('types', 'damaged', '--json')[0][:-1])}
if not max(sizes.values()) < os.path.getsize(core):
    fail('sums are larger than the core: %r' % max(sizes.items(), key=lambda item: item[1]).__repr__())

# lengths that what follows has room for: of what is too large for pools malloc's own heads tell.  And a list of weak
# references that does not begin with one
a_list, a_tuple = (next(int(a, 16) for a, o in whole.items() if o['type'] == kind and o['refcount'] == 1 and o['len'] and 100 < o['len'] < 5000)
                   for kind in ('list', 'tuple'))
not_weak = some('set')[0]
# what code alone has, in members that it does not visit
of_code = next(int(e['address'], 16) for o in whole.values() if o['type'] == 'code' for e in o.get('extra', ())
               if e['address'] not in referred and whole.get(e['address'], {}).get('type') == 'bytes' and whole[e['address']]['refcount'] == 1)
with Altered(core, damaged) as f:
    f.put(a_list + 16, 20000)
    f.put(a_list + 32, 20000)           # allocated
    f.put(a_tuple + 16, 20000)
    f.put(not_weak + 192, broken_list)  # weakreflist
    f.put(of_code + 8, 0)               # ob_type
objects, damage = convert(damaged, 'damaged')
texts = ['%s: %s' % (d['where'], d['what']) for d in damage if d['kind'] == 'heap']
print('\n'.join(texts))
for wanted in ('length of that at 0x%x cannot be' % a_list, 'length of that at 0x%x cannot be' % a_tuple,
               'what that at 0x%x points to cannot be its own; its type is set' % not_weak, 'at 0x%x is no object' % of_code):
    if not any(wanted in text for text in texts):
        fail('no damage says %r' % wanted)
if len(objects) != len(whole) - 1:
    fail('%d objects, not %d' % (len(objects), len(whole) - 1))
for a in a_list, a_tuple:
    had, has = whole['0x%x' % a]['refs'], objects['0x%x' % a]['refs']
    if has[:len(had)] != had or len(has) > 2 * len(had) + 16:
        fail('%d references of that at 0x%x, not %d' % (len(has), a, len(had)))
sys.exit(1 if bad else 0)
