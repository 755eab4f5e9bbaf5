#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump of which one member after the other is altered, and that is cut: every verb says which member is wrong, and answers
what it can; a verb that does not need the member answers as before.

usage: check_damage.py PYHEAP DUMP TRUTH
"""
import concurrent.futures
import os
import re
import struct
import subprocess
import sys
import zipfile

PYHEAP, DUMP, TRUTH = sys.argv[1:]
with open(TRUTH) as f:
    THING = f.read()
with open(DUMP, 'rb') as f:
    WHOLE = f.read()
ARCHIVE = zipfile.ZipFile(DUMP)
# what was worked out once would hide what is altered
ENV = dict(os.environ, XDG_CACHE_HOME='/proc/nowhere')
failures = []

# A verb, its operands, and the members that it may look at.
OBJECTS = r'object/\w+/.*'
TEXTS = r'(string|value)/\w+/.*'
EDGES = r'edge/\w+/.*'
ROOTS = r'root/\w+/.*'
REPORT = r'report\.json|exceptions\.json|damage\.json'
TYPES = r'types\.json'
VERBS = {
    'report': ([], [REPORT]),
    'exceptions': ([], [REPORT]),
    'threads': ([], [REPORT]),
    'types': ([], [TYPES, r'object/(address|type|size)/.*', r'damage\.json']),
    'memory': ([], [r'memory\.json', r'damage\.json', TYPES, r'object/(address|type|size|held)/.*']),
    'find': (['Thing'], [TYPES, OBJECTS, TEXTS]),
    'print': ([THING], [r'closure\.jsonl', TYPES, OBJECTS, EDGES, TEXTS]),
    'referents': ([THING], [TYPES, OBJECTS, EDGES, TEXTS]),
    'referrers': ([THING], [TYPES, OBJECTS, EDGES, TEXTS, ROOTS]),
    'path': ([THING], [TYPES, OBJECTS, EDGES, TEXTS, ROOTS]),
    'retained': (['--limit=3'], [TYPES, OBJECTS, EDGES, TEXTS, ROOTS]),
    'garbage': ([], [TYPES, OBJECTS, EDGES, TEXTS, ROOTS]),
    'roots': ([], [TYPES, r'object/(address|type)/.*', r'string/.*', ROOTS]),
    'whatis': ([THING], [r'modules\.json', r'closure\.jsonl', TYPES, r'object/(address|type|size|refcount)/.*']),
    'export': ([], [TYPES, OBJECTS, EDGES, TEXTS]),
    'verify': ([], [r'.*']),
}
# What must be noticed, since the answer is another one.
NOTICED = {
    'report': [r'report\.json', r'exceptions\.json'],
    'types': [TYPES, r'object/(type|size)/0'],
    'memory': [r'memory\.json'],
    'find': [TYPES, r'object/(address|type|size|refcount|flags)/0'],
    'referents': [r'edge/\w+/0'],
    'path': [r'edge/(start|target|kind)/0', r'root/(object|kind)/0'],
    'roots': [r'root/\w+/0'],
    'whatis': [r'modules\.json', r'closure\.jsonl'],
    'export': [TYPES, r'object/\w+/0', r'edge/\w+/0', r'value/\w+/0'],
    'verify': [r'.*'],
}
# Of which nothing can be said without the member.
LOST = {'threads': r'report\.json'}


def matches(patterns, name):
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def run(path, verb):
    done = subprocess.run([PYHEAP, verb, path] + VERBS[verb][0], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode()


def ask(name, data):
    path = '%s.%s' % (DUMP, name.replace('/', '-'))
    with open(path, 'wb') as f:
        f.write(data)
    answers = {verb: run(path, verb) for verb in VERBS}
    os.unlink(path)
    return answers


def expect(name, verb, holds, answer):
    if not holds:
        failures.append('%s, %s: status %d, %r, %r' % (name, verb, answer[0], answer[2], answer[1][-300:]))


def place_of(info):
    name, extra = struct.unpack_from('<HH', WHOLE, info.header_offset + 26)
    return info.header_offset + 30 + name + extra


def altered(place):
    data = bytearray(WHOLE)
    data[place] ^= 0x55
    return data


def member_kinds():
    """Of the chunks of a column the first two, of the groups and sources one."""
    for info in ARCHIVE.infolist():
        number = re.fullmatch(r'.*/([0-9]+)', info.filename)
        if (number and int(number.group(1)) > 1) or re.fullmatch(r'.+/\.zgroup|sources/000[2-9].*', info.filename):
            continue
        yield info


def check_member(info):
    name = info.filename
    answers = ask(name, altered(place_of(info) + info.compress_size // 2))
    for verb, answer in answers.items():
        status, out, err = answer
        same = (status, out) == BASE[verb][:2] and not err
        told = err.count('\n') in (1, 2) and name in err.splitlines()[-1] and status == 1 and out
        if verb == 'verify':
            expect(name, verb, status == 1 and re.search(r'^%s: ' % re.escape(name), out.decode(), re.M) is not None, answer)
        elif re.fullmatch(LOST.get(verb, ''), name):
            expect(name, verb, status == 2 and name in err and 'types, find, print and path answer without it' in err and err.count('\n') == 1, answer)
        elif name == 'manifest.json':
            expect(name, verb, told and out == BASE[verb][1], answer)
        elif matches(NOTICED.get(verb, []), name):
            expect(name, verb, told, answer)
        elif matches(VERBS[verb][1], name):
            # a search among addresses that are lost finds nothing
            nothing = name == 'object/address/0' and status == 1 and name in err
            expect(name, verb, same or told or nothing, answer)
        else:
            expect(name, verb, same, answer)
        # what describes a column can be had from the others; types are counted and named without their list, but not the members of structs
        if name.endswith('.zarray') or (name == 'types.json' and verb in ('types', 'find')):
            expect(name, verb, out == BASE[verb][1] or verb == 'verify', answer)


def check_elsewhere(name, place, same_answers):
    """Headers and the directory of the archive."""
    for verb, answer in ask(name, altered(place)).items():
        status, out, err = answer
        expect(name, verb, status in (0, 1) and err.count('\n') <= 1 and (status == 1 or out == BASE[verb][1]), answer)
        if same_answers and verb != 'verify':
            expect(name, verb, out == BASE[verb][1] and status == 1, answer)


def check_front():
    """What precedes the archive: the manifest has its checksum."""
    path = DUMP + '.front'
    with open(path, 'wb') as f:
        f.write(altered(ARCHIVE.infolist()[0].header_offset // 2))
    for arguments, status, where in ((['verify', path], 1, 1), (['export', '--format=pyheapdump', path], 2, 2), (['export', '--format=pydump', path], 2, 2)):
        done = subprocess.run([PYHEAP] + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=60)
        said = (done.stdout, done.stderr)[where - 1]
        expect('the front', arguments[0], done.returncode == status and b'part before the archive' in said, (done.returncode, done.stdout, done.stderr.decode()))
    os.unlink(path)


def check_strings():
    """All texts altered at once: verbs that need none neither read nor notice."""
    data = bytearray(WHOLE)
    for info in ARCHIVE.infolist():
        if info.filename.startswith(('string/', 'value/')) and not info.filename.endswith('.zgroup'):
            for place in range(place_of(info), place_of(info) + info.compress_size):
                data[place] ^= 0x55
    path = DUMP + '.strings'
    with open(path, 'wb') as f:
        f.write(data)
    for verb in ('types', 'memory', 'report', 'exceptions', 'threads'):
        expect('all texts altered', verb, run(path, verb) == BASE[verb], run(path, verb))
    for options in (['--by-module'], ['--sort=held'], ['--baseline=' + DUMP]):
        done = subprocess.run([PYHEAP, 'types', path] + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=60)
        expect('all texts altered', 'types ' + options[0], done.returncode == 0 and not done.stderr, (done.returncode, done.stdout, done.stderr.decode()))
    answer = run(path, 'verify')
    expect('all texts altered', 'verify', answer[0] == 1 and re.search(rb'^is altered or damaged, \d+ members:\n(  .*\n)*?  (.*, )?string/bytes/0[,\n]', answer[1], re.M), answer)
    os.unlink(path)


def check_cut(percent):
    size = len(WHOLE) * percent // 100
    name = 'cut at %d %%' % percent
    there = {info.filename for info in ARCHIVE.infolist() if place_of(info) + info.compress_size <= size}
    answers = ask(name, WHOLE[:size])
    for verb, answer in answers.items():
        status, out, err = answer
        expect(name, verb, status in (1, 2) and err.count('\n') in (1, 2) and 'is cut' in err, answer)
    for verb in ('report', 'exceptions', 'threads'):
        if {'report.json', 'exceptions.json'} <= there:
            expect(name, verb, answers[verb][:2] == (1, BASE[verb][1]), answers[verb])
    columns = {'object/%s/0' % column for column in ('address', 'type', 'size', 'refcount', 'flags', 'len')}
    if columns <= there:
        status, out, err = answers['types']
        expect(name, 'types', status == 1 and out.splitlines()[-1] == BASE['types'][1].splitlines()[-1], answers['types'])
        expect(name, 'types', re.search(rb'^ +200 .*\.Thing$', out, re.M), answers['types'])
        expect(name, 'find', b'200 objects' in answers['find'][1] and 'is lost' in answers['find'][2], answers['find'])
    if 'manifest.json' in there:
        out = answers['verify'][1].decode()
        expect(name, 'verify', out.count('is cut: no archive directory') == 1 and out.count('is lost') <= 1, answers['verify'])
        said = [line.partition(': ')[2] or line for line in out.splitlines() if not line.startswith('  ')]
        expect(name, 'verify', len(said) == len(set(said)) < 12, answers['verify'])
        lost = out.partition('is lost, ')[2].partition(':\n')[2]
        there or expect(name, 'verify', 'object/address' in lost, answers['verify'])


BASE = {verb: run(DUMP, verb) for verb in VERBS}
for verb, answer in BASE.items():
    expect('whole', verb, answer[0] == 0 and answer[1] and not answer[2], answer)
first = ARCHIVE.getinfo('object/type/0').header_offset
cases = [(check_front,), (check_strings,)] + [(check_member, info) for info in member_kinds()] + [(check_cut, percent) for percent in range(10, 100, 10)] + [
    (check_elsewhere, 'a local header', first, False), (check_elsewhere, 'a local name', first + 35, False),
    (check_elsewhere, 'the directory', ARCHIVE.start_dir, True), (check_elsewhere, 'the end', WHOLE.rindex(b'PK\5\6') + 1, True),
    (check_elsewhere, 'a name in the directory', WHOLE.index(b'object/type/0', ARCHIVE.start_dir), False)]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for done in [pool.submit(*case) for case in cases]:
        done.result()
for failure in failures:
    print('FAILED: ' + failure)
print('%d ways to damage a dump, %d wrong' % (len(cases), len(failures)))
sys.exit(1 if failures else 0)
