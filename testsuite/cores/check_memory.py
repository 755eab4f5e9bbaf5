#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds `pyheap memory --json` against the bytes of the core (x86-64).

usage: check_memory.py CORE VERSION MEMORY.json MEMORY.txt
"""
import json
import os
import struct
import sys

HEADER = 48


def segments(core):
    head = core.read(64)
    offset, = struct.unpack_from('<Q', head, 32)
    size, count = struct.unpack_from('<HH', head, 54)
    for i in range(count):
        core.seek(offset + i * size)
        kind, flags, at, address, _, held, mapped, _ = struct.unpack('<IIQQQQQQ', core.read(56))
        if kind == 1:
            yield flags, at, address, held, mapped


def pools(core, at, address, held, page):
    """(bytes in use, bytes free) of each pool: Objects/obmalloc.c, struct pool_header"""
    start = -address % page
    for position in range(start, held - page + 1, page):
        core.seek(at + position)
        head = core.read(HEADER)
        count, = struct.unpack_from('<I', head, 0)
        free, _, _ = struct.unpack_from('<QQQ', head, 8)
        _, index, offset, most = struct.unpack_from('<IIII', head, 32)
        size = page - most
        if not (0 < size <= 512) or size not in ((index + 1) * 8, (index + 1) * 16):
            continue
        if offset < HEADER or offset > page or (offset - HEADER) % size or not 0 < count <= (offset - HEADER) // size:
            continue
        if free and not address + position + HEADER <= free < address + position + page:
            continue
        yield count * size, ((page - HEADER) // size - count) * size


def main():
    path, version, memory, text = sys.argv[1:]
    memory = json.load(open(memory))
    rows = {row['what']: row['bytes'] for row in memory['rows']}
    # as long as a pool is since 3.10
    page = 4096 if version in ('2.7', '3.6', '3.7', '3.8', '3.9') else 16384
    total = in_core = used = free = 0
    with open(path, 'rb') as core:
        for flags, at, address, held, mapped in segments(core):
            total += mapped
            in_core += held
            if flags & 2:
                for a, b in pools(core, at, address, held, page):
                    used += a
                    free += b
    bad = 0

    def check(what, ours, theirs):
        nonlocal bad
        print('%s: %d of %d' % (what, ours, theirs))
        if ours != theirs:
            print('FAILED: %s' % what)
            bad += 1
    check('mapped', memory['total'], total)
    check('in the core', memory['in_image'], in_core)
    check('sum of the rows', sum(rows.values()), total)
    mine = [rows['pymalloc.' + k] for k in ('objects', 'blocks', 'interpreter', 'unattributed')]
    check('in use by pymalloc', sum(mine), used)
    check('free in pools', rows['pymalloc.free_blocks'], free)
    lost = rows['pymalloc.unattributed'] / used
    print('unattributed: %.4f of pymalloc, %d bytes of malloc' % (lost, rows['malloc.unattributed']))
    if lost >= 0.01:
        print('FAILED: nobody owns 1 % or more')
        bad += 1
    if not rows['malloc.objects'] or not rows['stacks.used'] or not rows['modules.text']:
        print('FAILED: no objects in malloc, no stacks, or no modules: %r' % rows)
        bad += 1
    held = {(t['module'], t['type']): t['held'] for t in memory['types']}
    dicts = [held.get((m, 'dict'), 0) for m in ('builtins', '__builtin__', None)]
    if not 100000 < max(dicts) < total:
        print('FAILED: dicts hold %r' % dicts)
        bad += 1
    objects = sum(t['held'] for t in memory['types'])
    owned = sum(rows[k] for k in rows if k.endswith('.objects') or k.endswith('.blocks'))
    # at most 1,000 types are listed; blocks that an object shares with the interpreter count once
    check('held by types', objects, owned)
    if 'in all' not in open(text).read():
        print('FAILED: the text')
        bad += 1
    sys.exit(1 if bad else 0)


main()
