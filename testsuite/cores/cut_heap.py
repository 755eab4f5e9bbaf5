#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: cut_heap.py FOLDER-OF-CORE CORE2PYHEAP PYHEAP SCRATCH"""
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import told_damage

folder, program, reader, scratch = sys.argv[1:]
core = os.path.join(folder, 'core')
cut = os.path.join(scratch, 'core')
size = os.path.getsize(core)
bad = 0


def fail(text):
    global bad
    bad += 1
    print('FAILED: %s' % text)


def convert(length, name):
    """the dump, what core2pyheap warned of"""
    shutil.copyfile(core, cut)
    os.truncate(cut, length)
    shutil.copystat(core, cut)
    dump = os.path.join(scratch, name)
    done = subprocess.run([program, '--report=none', '-o', dump, cut], stderr=subprocess.PIPE, timeout=60)
    said = [line for line in done.stderr.decode(errors='replace').splitlines() if 'not in the dump' in line]
    if done.returncode != (length < size):
        fail('%s: status %d: %s' % (name, done.returncode, done.stderr.decode(errors='replace')))
    return dump, said


def damage_of(dump):
    archive = zipfile.ZipFile(dump)
    parts = [json.loads(archive.read(n)) for n in ('manifest.json', 'damage.json') if n in archive.namelist()]
    return parts[0], [(d['kind'], d['where'], d['what'], d['count']) for part in parts for d in part['damage']
                      if d['kind'] != 'report' or d['where'] == 'heap']


whole, said = convert(size, 'whole.pyheap')
if said or 'missing' in damage_of(whole)[0]:
    fail('the whole core: %r' % said)
objects = [json.loads(line) for line in told_damage.run(reader, 'export', whole)[1]]
REDACTED = '\u2039redacted\u203a'
secrets = {o['address'] for o in objects if o['value'] == REDACTED}
if len(secrets) < 10:
    fail('the whole core has %d secrets' % len(secrets))

# What comes last in the file is the main thread's C stack: nearly all objects are there without it, some of them in four fifths.
with_heap = 0
for name, length in ('last', size - 1), ('nearly', size - size // 10), ('most', size - size // 5), ('half', size // 2), ('notes', 65536):
    dump, said = convert(length, name + '.pyheap')
    manifest, entries = damage_of(dump)
    # what is cut off are segments, but for a few bytes of alignment
    if manifest['complete'] or not 0 <= size - length - manifest['missing'] < 4096 * 16:
        fail('%s: %r of %d bytes are missing' % (name, manifest.get('missing'), size - length))
    missing = 'the core was cut, '
    if len(said) != 1 or missing not in said[0]:
        fail('%s: core2pyheap says %r' % (name, said))
    code, out, err = told_damage.run(reader, 'verify', dump)
    head = [line for line in out if not line.startswith('  ')]
    if code or err or len(head) != 2 or not head[0].startswith('the file is intact: ') or not head[1].startswith('but it was made of what was not whole: ' + missing):
        fail('%s: verify: status %d, %r' % (name, code, out[:3]))
    for kind, where, what, count in entries:
        if not [line for line in out if line.startswith('  %s: %s' % (where, what))]:
            fail('%s: verify does not say %s: %s' % (name, where, what))
    if manifest['heap'] == 'full':
        with_heap += 1
        rows = [json.loads(line) for line in told_damage.run(reader, 'export', dump)[1]]
        # the names of some are in what was cut: what nobody can name is not told
        clear = [o for o in rows if o['address'] in secrets and o['value'] not in (None, REDACTED)]
        if clear:
            fail('%s: %d secrets in clear: %r' % (name, len(clear), clear[:3]))
        some = [o for o in rows if o['type'] == 'dict' and o['refs'] and o['refcount'] != -1]
        print('%s: %d of %d objects, %d of damage' % (name, len(rows), len(objects), len(entries)))
        if len(rows) > len(objects) or (name == 'last' and len(rows) < len(objects) * 0.99):
            fail('%s: %d of %d objects' % (name, len(rows), len(objects)))
        for problem in told_damage.check(reader, dump, some[0]['address'], 'dict', [missing], 1, entries) if some else ():
            fail('%s: %s' % (name, problem))
        code, out, err = told_damage.run(reader, 'types', whole, '--baseline=' + dump)
        if code != 1 or not told_damage.warned(dump, err, [missing]):
            fail('%s: types --baseline: status %d, %r' % (name, code, err))
        continue
    print('%s: no heap' % name)
    for verb in ('types',), ('memory',), ('find', 'dict'), ('garbage',), ('export',), ('roots',), ('path', '0x10'):
        code, out, err = told_damage.run(reader, verb[0], dump, *verb[1:])
        if code != 2 or out or len(err) != 1 or not re.search(r': does not hold the heap: ' + re.escape(missing), err[0]):
            fail('%s: %s: status %d, %r' % (name, verb, code, err))
if not with_heap:
    fail('no cut core has a heap')
sys.exit(1 if bad else 0)
