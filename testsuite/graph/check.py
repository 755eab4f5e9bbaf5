#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the heap, asked of a dump whose program knew what it held and how.

usage: check.py PYHEAP DUMP TRUTH BIGGER    BIGGER: a dump of the same program with 500 more nodes
"""
import collections
import json
import os
import re
import subprocess
import sys
import zipfile

PYHEAP, DUMP, TRUTH, BIGGER = sys.argv[1:]
with open(TRUTH) as f:
    AT = json.load(f)
failures = []


def run(*args, status=0):
    done = subprocess.run([PYHEAP] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode != status:
        failures.append('%s ended with %d: %s' % (' '.join(args), done.returncode, done.stderr.decode()))
    return done.stdout.decode()


def text(verb, *args, **kwargs):
    return run(verb, *(args[:-1] if args else ()), DUMP, *(args[-1:]), **kwargs)


def rows(verb, *args, **kwargs):
    return [json.loads(line) for line in text(verb, '--json', *args, **kwargs).splitlines()]


def expect(what, got, want):
    if got != want:
        failures.append('%s:\n  got  %r\n  want %r' % (what, got, want))


def expect_line(what, got, pattern):
    if not any(re.fullmatch(pattern, line) for line in got.splitlines()):
        failures.append('%s: no line is %r in\n%s' % (what, pattern, got))


def keepers(name):
    """The objects that keep it alone, the nearest first."""
    chain, at = [], rows('retained', '--limit=0', AT[name])[0]['dominator']
    while at and len(chain) < 10:
        chain.append(at)
        at = rows('retained', '--limit=0', at)[0]['dominator']
    return chain


def retained():
    first = rows('retained', '--limit=0', AT['first'])[0]
    if first['path'] is not None or AT['second'] not in keepers('first') and AT['first'] not in keepers('second'):
        failures.append('neither of the cycle keeps the other: %r' % first)
    if AT['held'] not in keepers('below'):
        failures.append('what is below the leaked object is kept by %r' % keepers('below'))
    session = rows('retained', AT['session'])
    user = rows('retained', '--limit=0', AT['user'])[0]
    if session[0]['retained'] < session[0]['size'] + user['retained'] or user['retained'] <= user['size']:
        failures.append('a session retains %r, its user %r' % (session[0], user))
    expect('the path of a session', session[0]['path'], "module app → CACHE → ['user:7']")
    listed = rows('retained', '--limit=12')
    if [r['retained'] for r in listed] != sorted((r['retained'] for r in listed), reverse=True) or len(listed) != 12:
        failures.append('retained: not 12 in order: %r' % listed)
    types = {(r['module'], r['type']): r for r in rows('types', '--sort=retained')}
    users = types['app', 'User']
    if not users['size'] < users['retained'] < sum(r['size'] for r in types.values()):
        failures.append('types: users retain %r' % users)
    expect_line('print', text('print', AT['user']), r'0x.* app.User, \d+ bytes, held \d+ bytes, retains %d, refcount .*' % user['retained'])
    found = rows('find', '--where', 'retained>=%d' % user['retained'], 'app.User')
    if AT['user'] not in [r['address'] for r in found] or any(r['retained'] < user['retained'] for r in found):
        failures.append('find by retained: %r' % found)


def paths():
    for name, want in {
        'user': "module app → CACHE → ['user:7'] → Session.user",
        'label': "module app → CACHE → ['user:7'] → Session.label",
        'groups': "module app → CACHE → ['user:7'] → Session.user → User.groups",
        'numbered': "module app → CACHE → [42]",
        'level': "module app → ADMIN → AdminSession.level",
        'registered': "module app → Registry → Registry.current",
        'queued': "module app → QUEUE → [1]",
        'nested': "module app → NESTED → [1] → [0]",
        'member': "module app → MEMBERS → member",
        'bound': "module app → BOUND → method.__self__",
        'generated': "module app → GENERATOR → local pending",
        'in a cell': "module app → COUNT → counter.<locals>.count.__closure__ → [0] → cell.cell_contents → [1]",
        'weakly': "module app → CACHE → ['user:3'] → Session.user",
    }.items():
        line = text('path', AT[name]).splitlines()[0]
        # up to 3.10 the variables are those of a frame object
        line = line.replace('produce.gi_frame → ', '')
        expect('path of ' + name, line.replace('counter.<locals>.', ''), want.replace('counter.<locals>.', ''))
        row = rows('path', AT[name])[0]
        expect('path --json of ' + name, (row['path'].replace('produce.gi_frame → ', ''), row['steps'][-1]['address'], row['root']),
               (line, AT[name], 'module'))
    expect_line('path by tuple', text('path', AT['by tuple']), r"module app → CACHE → \[\('a', 1\)\]")
    expect_line('path of a local', text('path', AT['local']), 'thread .* die: local local')
    for name in ('first', 'payload', 'held', 'below'):
        expect_line('path of ' + name, text('path', AT[name]), 'no root reaches .*')
        expect('path --json of ' + name, rows('path', AT[name])[0]['path'], None)


def references():
    referents = {row['name']: row for row in rows('referents', AT['session'])}
    expect('referents of a session', (referents['user']['address'], referents['label']['address'], referents['user']['type']),
           (AT['user'], AT['label'], 'User'))
    expect('its class', referents['__class__']['address'], AT['Session'])
    expect_line('its text', text('referents', AT['session']), r"  %s +\.label +str 'label-of-name7'" % AT['label'])
    out = text('referrers', AT['user'])
    expect_line('referrers of a user', out, '  %s +app.Session.user' % AT['session'])
    expect_line('balance', out, 'ob_refcnt 1 = 1 edge')
    expect_line('referrers of a session', text('referrers', AT['session']), r"  %s +dict\['user:7'\]" % AT['cache'])
    expect_line('referrers of the cache', text('referrers', AT['cache']), r"  0x[0-9a-f]+ +dict\['CACHE'\], __dict__ of %s module app" % AT['app'])
    expect_line('what is weak', text('referrers', AT['weakly']), r'\+ 0x[0-9a-f]+ +(weakref.)?(ReferenceType|weakref) weakly')
    balance = rows('referrers', AT['held'])[-1]
    expect('balance of what C holds', balance['unexplained'] + balance['guessed'], 1)
    balance = rows('referrers', AT['interned'])[-1]
    expect('edges to an interned str that count', balance['edges'], 1)
    expect('edges of the dict of interned strings', balance['uncounted'], 2)
    expect('balance of an interned str', balance['unexplained'], None if balance['immortal'] else 0)
    balance = rows('referrers', AT['Session'])[-1]
    expect('instances of a class', balance['instances'], 12)
    grouped = {(row['type'], row['label']): row['count'] for row in rows('referrers', 'app.User')}
    for group, count in {('Session', '.user'): 12, ('AdminSession', '.user'): 1, ('AdminSession', '.level'): 1,
                         ('method', '.__self__'): 1, ('deque', '[…]'): 3, ('type', '.current'): 1}.items():
        expect('referrers by group: %s%s' % group, grouped.get(group), count)


def garbage():
    found = {row['address']: row for row in rows('garbage')}
    cycle = {found[AT[name]]['cycle'] for name in ('first', 'second')}
    expect('the cycle', len(cycle), 1)
    expect('it is one', None in cycle, False)
    for name in ('payload', 'held', 'below'):
        expect('garbage: ' + name, AT[name] in found, True)
    expect('the payload is in no cycle', found[AT['payload']]['cycle'], None)
    expect('held by C', found[AT['held']]['unexplained'], 1)
    expect('below it', found[AT['below']]['unexplained'], 0)
    for name in ('user', 'session', 'local', 'generated', 'in a cell', 'app'):
        expect('no garbage: ' + name, AT[name] in found, False)
    why = {name: found[AT[name]]['why'] for name in ('first', 'second', 'payload', 'held', 'below', 'one of the equal')}
    expect('why they are there', why, {'first': 'cycle', 'second': 'cycle', 'payload': 'reached from a cycle', 'held': 'held',
                                       'below': 'reached from what is held', 'one of the equal': 'cycle'})
    out = text('garbage')
    # the text has the first three or ten of a type
    expect_line('held in text', out, r"  %s  app.Node, 1 reference" % AT['held'])
    expect_line('equal cycles', out, r"100 cycles of 1 object each, \d+ bytes in all; one of them:")
    expect_line('the other cycle', out, r'cycle of \d+ objects, \d+ bytes')
    count = {state: len([row for row in found.values() if row['why'] == state]) for state in
             ('cycle', 'reached from a cycle', 'held', 'reached from what is held', 'uncounted')}
    expect_line('in all', out, r' +%d +%d  in all, of which' % (len(found), sum(row['size'] or 0 for row in found.values())))
    for state, said in {'cycle': 'in cycles that nothing else holds: .*', 'reached from a cycle': 'reached from these',
                        'held': 'held by what is not known: .*', 'reached from what is held': 'reached from those'}.items():
        expect_line('in all: ' + state, out, r' +%d +%s' % (count[state], said))
    # the syntax tree's objects of the script that runs are the parser's
    if sum(row['type'] == 'list' and row['why'] == 'held' for row in found.values()):
        failures.append('the list of an arena is garbage: %r' % [row for row in found.values() if row['type'] == 'list' and row['why'] == 'held'])
    if sum(count.values()) > 200 + 150:
        failures.append('%r are garbage' % count)
    # what is leaked by the count is so to referrers too
    for row in [row for row in found.values() if row['why'] == 'held'][:100]:
        balance = rows('referrers', row['address'])[-1]
        expect('held in garbage: %(type)s %(address)s' % row, (balance['unexplained'] or balance['guessed']) > 0, True)
    held_in_order(found, out[out.index('\nheld by what'):])


def held_in_order(found, out):
    """Types in text: first those of which one holds more garbage, then those that are most in bytes."""
    size, holds = collections.Counter(), set()
    for row in found.values():
        if row['why'] == 'held':
            size[row['type']] += row['size'] or 0
            if any(to['address'] in found for to in rows('referents', row['address'])):
                holds.add(row['type'])
    shown = [found[at]['type'] for at in re.findall('^  (0x[0-9a-f]+)', out, re.M)]
    keys = [(name in holds, size[name]) for name in dict.fromkeys(shown)]
    expect('what is held, by type: %r' % list(dict.fromkeys(shown)), keys, sorted(keys, reverse=True))


def finding():
    # a coroutine's members have other names than a generator's
    labels = [row['label'] for row in rows('referents', AT['coroutine'])]
    expect('members of a coroutine: %r' % labels, (bool({'.cr_code', '.f_code', '.f_executable'} & set(labels)), [at for at in labels if at and '.gi_' in at]), (True, []))
    expect('find Session', len(rows('find', 'Session')), 12)
    expect('find app.*Session', len(rows('find', 'app.*Session')), 13)
    expect('find by value', [row['address'] for row in rows('find', '--where', "value == 'label-of-name7'", 'str')], [AT['label']])
    expect('find by pattern', len(rows('find', '--where', 'value ~ label-of-name?', 'str')), 10)
    expect('find by size', AT['payload'] in [row['address'] for row in rows('find', '--where', 'size>=100000 and len==100000', 'bytearray')], True)
    expect('find with a limit', len(rows('find', '--limit=3', 'Node')), 3)
    text('find', 'NoSuchType', status=1)
    done = subprocess.run([PYHEAP, 'find', 'NoSuchType', DUMP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    expect('the other order: %r' % done.stderr, (done.returncode, b'the dump comes first: pyheap find [' in done.stderr), (2, True))
    text('referrers', 'NoSuchType', status=1)
    big = [row['address'] for row in rows('find', '--where', 'size>=100000', 'bytearray')]
    for condition in ('size>=100kB', 'size >= 100 KB', 'size>=0.1MB', 'size>97.65KiB', 'held>=0.1M and size<1GiB'):
        expect('find --where ' + condition, [row['address'] for row in rows('find', '--where', condition, 'bytearray')], big)
    for condition, count in {'value == numbered': 1, 'value ~ *numbered*, len==17': 1, "value=='label-of-name1' and size>40 and refcount>=1": 1,
                             'len >= 1e9': 0, 'len==0x11 and value ~ label-of-numbered': 1, 'value != 3 and value ~ label-of-by*': 1}.items():
        expect('find --where ' + condition, len(rows('find', '--where', condition, 'str')), count)
    # ints are compared digit by digit, a nan is only unequal, and what is redacted is not known
    for condition, values in {'value == 9223372036854775808': ['0x8000000000000000'], 'value==0x7fffffffffffffff': ['9223372036854775807'],
                              'value < -9223372036854775808 and value>-1e30': ['-0x8000000000000001'], 'value>1.2e30 and value<1.3e30': ['0x10000000000000000000000000'],
                              'value==1267650600228229401496703205376': ['0x10000000000000000000000000'], 'value==0.25': ['0.25'],
                              'value==987654321': []}.items():
        expect('find --where ' + condition, sorted(set(row['value'] for row in rows('find', '--where', condition, '*') if row['type'] in ('int', 'long', 'float'))),
               values)
    expect('find what is unequal', 'nan' in [row['value'] for row in rows('find', '--where', 'value != 0.25', 'float')], True)
    expect('find True', [row['value'] for row in rows('find', '--where', 'value==True', 'bool')], ['1'])
    expect_line('True', text('find', '--where', 'value==1', 'bool'), '0x[0-9a-f]+  bool True, .*')
    for condition, said in {'colour==3': 'begins with len,', '': 'begins with len,', 'len': 'behind len comes ==', 'len~3': 'behind len comes ==',
                            'value': '>= or ~', 'len>': 'compared with? A number', 'len>many': "a number, not 'many'", 'size>1QB': "KiB, MiB or GiB, not '1QB'", 'len>1MB': "a number, not '1MB'", 'len>nan': "not 'nan'",
                            'len>1 or size>2': 'joined by "and"', 'len>1 and': 'joined by "and"', 'len>1,': 'joined by "and"',
                            "value=='x' len>1": 'joined by "and"', "value=='x": 'in quotes or not', 'value==%s' % ('x' * 300): '255 bytes',
                            ' and '.join(['len>1'] * 9): 'more than 8 conditions'}.items():
        done = subprocess.run([PYHEAP, 'find', '--where', condition, DUMP, 'str'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        expect('find --where %r: %r' % (condition, done.stderr), (done.returncode, done.stdout, done.stderr.count(b'\n'), said in done.stderr.decode()),
               (2, b'', 1, True))


def printing():
    out = text('print', '--depth=2', AT['session'])
    expect_line('print: a slot', out, r"  \.user  %s  app.User" % AT['user'])
    expect_line('print: below it', out, r"    \.name  0x[0-9a-f]+  str 'name7'")
    # by the closure of the stacks or by the columns: what its references lead to is said
    expect_line('print: what an attribute is', text('print', AT['user']), r" +\.name +0x[0-9a-f]+  str 'name7'")
    row = rows('print', AT['held'])[0]
    expect('print --json of what no stack reaches', (row['type'], row['attributes']['below']), ('Node', AT['below']))
    expect('print --json --depth', len(rows('print', '--depth=3', AT['session'])) > 4, True)
    text('print', '0x1234', status=1)


def types():
    by_name = {(row['module'], row['type']): row for row in rows('types')}
    expect('types', by_name['app', 'Session']['count'], 12)
    expect('types --limit', len(rows('types', '--limit=3')), 3)
    expect_line('types --limit', text('types', '--limit=3'), '… and %d more types' % (len(rows('types')) - 3))
    expect('no damage', [row for row in rows('types') + [json.loads(text(verb, '--json')) for verb in ('memory', 'verify')] if 'damage' in row], [])
    modules = {row['module']: row for row in rows('types', '--by-module')}
    expect('types --by-module', modules['app']['count'], sum(row['count'] for key, row in by_name.items() if key[0] == 'app'))
    grown = [json.loads(line) for line in run('types', '--json', '--sort=count', '--baseline', DUMP, BIGGER).splitlines()]
    node = [row for row in grown if row['type'] == 'Node' and row['module'] == 'app'][0]
    expect('growth', node['count'] - node['old_count'], 500)
    expect('what did not grow', [row for row in grown if row['type'] == 'Session'], [])
    grown = [json.loads(line) for line in run('types', '--json', '--sort=held', '--baseline', DUMP, BIGGER).splitlines()]
    growth = [row['held'] - row['old_held'] for row in grown]
    expect('growth by held', growth, sorted(growth, reverse=True))
    node = [row for row in grown if row['type'] == 'Node' and row['module'] == 'app'][0]
    held = [sum(json.loads(line)['held'] for line in run('types', '--json', '--sort=held', dump).splitlines()) for dump in (DUMP, BIGGER)]
    expect('500 nodes hold', 500 * 32 <= node['held'] - node['old_held'], True)
    out = run('types', '--sort=held', '--baseline', DUMP, BIGGER)
    expect_line('growth in text', out, r' +\+\d+ +\+\d+ +\%+d +\d+ +\d+ +%d  in all' % (held[1] - held[0], held[1]))


def roots():
    listed = rows('roots', '--kind=module')
    expect('roots', [row['address'] for row in listed if row['name'] == 'module app'], [AT['app']])
    expect_line('roots in text', text('roots'), r' +[1-9][0-9]*  local')
    expect_line('a local', text('roots', '--kind=local'), r'  %s  thread .* die: local local  app.User' % AT['local'])


def cached():
    """The same answers again from the cache, from none, and from one that is altered."""
    folder = os.path.join(os.environ['XDG_CACHE_HOME'], 'pyheap')
    asked = [('path', AT['user']), ('referrers', AT['user']), ('types', None), ('garbage', None)]
    ask = lambda: [text(verb, *([operand] if operand else [])) for verb, operand in asked]
    first = ask()
    files = [os.path.join(folder, name) for name in os.listdir(folder)]
    expect('there is a cache', len(files) >= 2, True)
    for path in files:
        expect('mode', os.stat(path).st_mode & 0o777, 0o600)
        with open(path, 'r+b') as f:
            data = bytearray(f.read())
            for at in range(0, len(data), 64):
                data[at] ^= 0x41
            f.seek(0)
            f.write(data)
    expect('an altered cache', ask(), first)
    for path in files:
        os.truncate(path, os.path.getsize(path) // 2)
    expect('a cut cache', ask(), first)
    for path in files:
        os.unlink(path)
    expect('no cache', ask(), first)


def guesses():
    exported = [json.loads(line) for line in text('export', '--format=jsonl').splitlines()]
    guessing = [row for row in exported if row.get('guessed')]
    if not guessing:
        failures.append('no reference of the dump is guessed')
        return
    row = min(guessing, key=lambda row: len(row['guessed']))
    address, target = row['address'], row['guessed'][0]
    if not set(row['guessed']) <= set(row['refs']):
        failures.append('guesses that are no references: %r' % row)
    expect('guesses of referents', [r['address'] for r in rows('referents', address) if r['guessed'] and not r['extra']], row['guessed'])
    expect('what is none', any(r['guessed'] for r in rows('referents', AT['session'])), False)
    mark = r' +%s +.* \(guessed\)' % target
    expect_line('referents in text', text('referents', address), mark)
    expect_line('print --depth', text('print', '--depth=1', address), r'.*  %s  .* \(guessed\)' % target)
    expect('print --json', target in rows('print', address)[0]['guessed'], True)
    expect_line('print', text('print', address), r'  guessed: .*|.*\(guessed\)')
    expect_line('referrers', text('referrers', target), r'  %s  .*\(guessed\)' % address)


def memory_held():
    """As the program asked of malloc; and all together as pyheap memory attributes them."""
    for address, held in AT['bytes held'].items():
        row = rows('print', address)[0]
        expect('held by a %s' % row['type'], row['held'], held)
        expect_line('print', text('print', address), r'0x.*, held %d bytes, .*' % held)
        found = rows('find', '--where', 'held==%d' % held, row['type'])
        expect('find by held', address in [r['address'] for r in found], True)
    # more than a thousand bytes of names are counted once, with the class or with the first instance
    exported = {row['address']: row for row in map(json.loads, text('export', '--format=jsonl').splitlines())}
    own = sorted(exported[address]['held'] for address in AT['shared'])
    if not (len(own) == 50 and 200 < own[0] <= own[-2] < 600):
        failures.append('instances that share a table hold %r' % own)
    memory = json.loads(text('memory', '--json'))
    owned = sum(r['bytes'] for r in memory['rows'] if r['what'].endswith(('.objects', '.blocks')))
    expect('held in all', sum(row['held'] for row in exported.values()), owned)
    expect_line('why RSS is larger', text('memory'), r' +[\d.]+ [kMG]B  = about what RSS can be at most, .*')
    types = rows('types', '--sort=held')
    expect('held by types', sum(row['held'] for row in types), owned)
    expect('their order', [row['held'] for row in types], sorted((row['held'] for row in types), reverse=True))
    by_module = rows('types', '--sort=held', '--by-module')
    expect('held by modules', sum(row['held'] for row in by_module), owned)
    expect_line('types in text', text('types', '--sort=held', '--limit=1'), r' +\d+ +\d+ +%d  in all' % owned)


def nothing_of_held():
    """A dump of an older version."""
    old = DUMP + '.old'
    with zipfile.ZipFile(DUMP) as z, zipfile.ZipFile(old, 'w') as less:
        for info in z.infolist():
            if not info.filename.startswith('object/held/'):
                less.writestr(info, z.read(info), info.compress_type)
    address = list(AT['bytes held'])[0]
    row = json.loads(run('print', '--json', old, address))
    expect('print of an old dump', ('held' in row, row['size'] > 0), (False, True))
    expect('find in an old dump', {json.loads(line)['held'] for line in run('find', '--json', old, 'User').splitlines()}, {None})
    expect('export of an old dump', {json.loads(line)['held'] for line in run('export', old).splitlines()}, {None})
    expect('types of an old dump', run('types', old), text('types'))
    expect('verify', json.loads(run('verify', '--json', old))['problems'], [])
    for question in (('types', '--sort=held', old), ('find', '--where', 'held>1', old, 'User')):
        done = subprocess.run([PYHEAP] + list(question), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        expect('%s of an old dump' % question[0], (done.returncode, b'does not say what objects hold' in done.stderr), (2, True))
    os.unlink(old)


def verified():
    expect('verify', json.loads(text('verify', '--json'))['problems'], [])
    with open(DUMP, 'rb') as f:
        data = bytearray(f.read())
    place = data.index(b'edge/target/0') + 5000
    data[place] ^= 0x10
    altered = DUMP + '.altered'
    with open(altered, 'wb') as f:
        f.write(data)
    problems = json.loads(run('verify', '--json', altered, status=1))['problems']
    expect('verify of an altered dump', [p['member'] for p in problems][:1], ['edge/target/0'])
    out = run('referrers', altered, AT['user'], status=1)
    expect_line('referrers of an altered dump', out, 'ob_refcnt 1 = .*')
    with zipfile.ZipFile(DUMP) as old:
        members = [(info, old.read(info)) for info in old.infolist()]
    # what leads to an object may be in a chunk that is altered: nobody knows that it is garbage
    for spoilt, status in ('root/object/0', 1), ('edge/start/0', 1):
        with zipfile.ZipFile(altered, 'w') as new:
            for info, data in members:
                new.writestr(info.filename, b'\0' * len(data) if info.filename == spoilt else data, zipfile.ZIP_STORED)
        out = run('path', altered, AT['user'], status=status)
        expect('path without %s' % spoilt, 'it is garbage' in out, False)
        if spoilt.startswith('root'):
            expect_line('path without roots', out, 'no root is seen to reach .*: a path may lead through what is lost.*')
            out = run('garbage', altered, status=status)
            expect_line('garbage without roots', out, 'Not all of these are garbage: .*')
            expect('what a collection frees', 'a collection frees them' in out, False)
    for lost in 'object/held/.zarray', '.zgroup', 'memory.json':
        with zipfile.ZipFile(altered, 'w') as new:
            for info, data in members:
                if info.filename != lost:
                    new.writestr(info.filename, data, zipfile.ZIP_STORED)
        problems = json.loads(run('verify', '--json', altered, status=1))['problems']
        expect('verify without ' + lost, lost in [p['member'] for p in problems], True)
    os.unlink(altered)


for part in (paths, references, garbage, finding, printing, guesses, types, roots, retained, memory_held, nothing_of_held, cached, verified):
    try:
        part()
    except (KeyError, IndexError, ValueError, subprocess.TimeoutExpired) as e:
        failures.append('%s: %r' % (part.__name__, e))
for failure in failures:
    print('FAILED: ' + failure)
print('%d wrong' % len(failures))
sys.exit(1 if failures else 0)
