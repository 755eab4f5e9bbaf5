#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: altered_heap.py FOLDER-OF-CORE CORE2PYHEAP PYHEAP SCRATCH

What is altered is drawn with a fixed seed from the objects of the whole core: a dozen of each sort at a time.
"""
import json
import os
import random
import subprocess
import sys
import time
import zipfile

from corefile import Altered

folder, program, reader, scratch = sys.argv[1:]
core = os.path.join(folder, 'core')
DOZEN = 12
SECONDS = 60  # an end in time; far more than it takes
# as pointers: misaligned, into the first page, what text looks like, beyond the address space, all ones
POINTERS = 0x7f0000000001, 8, 0x6f72206120746f6e, 1 << 61, (1 << 64) - 1
LENGTHS = 1919247987, 1 << 61, (1 << 64) - 1, 1 << 39


def convert(path):
    """status, damage of the heap, objects by type"""
    dump = os.path.join(scratch, 'dump')
    done = subprocess.run([program, '--report=none', '-o', dump, path], stderr=subprocess.PIPE, timeout=SECONDS)
    if done.returncode not in (0, 1):
        return done.returncode, done.stderr.decode(errors='replace'), 0
    archive = zipfile.ZipFile(dump)
    damage = [d for n in ('manifest.json', 'damage.json') if n in archive.namelist()
              for d in json.loads(archive.read(n))['damage'] if d['kind'] == 'heap']
    types = subprocess.run([reader, 'types', '--json', dump], stdout=subprocess.PIPE, check=True,
                           timeout=SECONDS).stdout
    return done.returncode, damage, sum(json.loads(line).get('count', 0) for line in types.splitlines())


def objects():
    """addresses by type, of those that are in the core and not types themselves"""
    dump = os.path.join(scratch, 'dump')
    out = subprocess.run([reader, 'export', dump], stdout=subprocess.PIPE, check=True, timeout=SECONDS).stdout
    found = {}
    for line in out.splitlines():
        o = json.loads(line)
        if o['type'] != 'type' and o['refcount'] != -1 and o['len'] != 0:
            found.setdefault(o['type'], []).append(int(o['address'], 16))
    return found


def alter_types(f, pick):
    for address in pick('str', 'tuple', 'function', 'dict', 'code', 'list'):
        f.put(address + 8, draw.choice(POINTERS + (address,)))


def alter_pools(f, pick):
    """the free list, how many blocks are in use, where those end that ever were"""
    for address in pick('str', 'tuple', 'function', 'dict'):
        pool, _ = f.pool(address) or (0, 0)
        if pool:
            at, value = draw.choice(((8, pool + 49), (8, 1 << 40), (0, 0xffffffff), (40, 7)))
            f.put(pool + at, value)


def alter_lists(f, pick):
    for address in pick('list'):
        at, value = draw.choice([(16, n) for n in LENGTHS] + [(24, p) for p in POINTERS])
        f.put(address + at, value)


def alter_dicts(f, pick):
    """ma_keys, and what the keys say of themselves"""
    for address in pick('dict'):
        if draw.randrange(2):
            f.put(address + 32, draw.choice(POINTERS))
        else:
            f.put(f.get(address + 32) + 8, draw.choice(LENGTHS[1:]) | 0x3f)


def alter_links(f, pick):
    for address in pick('function', 'list'):
        f.put(address - draw.choice((8, 16)), draw.choice(POINTERS[:3] + (address, )))


def alter_lengths(f, pick):
    for address in pick('str', 'tuple'):
        f.put(address + 16, draw.choice(LENGTHS))


def alter_anything(f, pick):
    """64 bytes anywhere in pools, where types are not"""
    for address in pick('str', 'tuple', 'function', 'dict') + pick('bytes', 'list', 'cell'):
        pool, _ = f.pool(address) or (0, 0)
        noise = bytes(draw.randrange(256) for _ in range(64))
        data = draw.choice((noise, b'\xff' * 64, bytes(64), b'not a roof over it' * 4))
        if pool:
            f.write(pool + draw.randrange(0, 4096 - 64) // 8 * 8, data[:64])


bad = 0
began = time.monotonic()
status, damage, count = convert(core)
if status or damage:
    sys.exit('FAILED: the whole core: status %d, %r' % (status, damage))
by_type = objects()
rounds = (alter_types, alter_lengths), (alter_pools,), (alter_links, alter_lists, alter_dicts), (alter_anything,)
for number, alters in enumerate(rounds):
    draw = random.Random(number)
    with Altered(core, os.path.join(scratch, 'core')) as f:
        for alter in alters:
            alter(f, lambda *types: draw.sample([a for t in types for a in by_type[t]], DOZEN))
        path = f.path
    status, damage, left = convert(path)
    told = sum(d['count'] for d in damage) if left else 0
    print('%s: status %d, %d of %d objects, %s places damaged' % (
        ' '.join(a.__name__ for a in alters), status, left, count, told), flush=True)
    if not left or not 0.99 * count <= left <= 1.005 * count:
        print('FAILED: the rest is not complete: %r' % damage)
        bad += 1
    # several may hit one object or pool; what hits nobody's memory says nothing
    elif alter is not alter_anything and told < len(alters) * DOZEN / 3:
        print('FAILED: too little is told: %r' % damage)
        bad += 1
    for verb in ('verify', 'memory') if alter is alter_anything else ():
        subprocess.run([reader, verb, os.path.join(scratch, 'dump')], stdout=subprocess.DEVNULL, check=True,
                       timeout=SECONDS)
print('%.1f s' % (time.monotonic() - began))
sys.exit(1 if bad else 0)
