# SPDX-License-Identifier: GPL-3.0-or-later
"""Each object of heap_kinds_program.py: its type, size and references are those of the interpreter itself.

usage: heap_kinds_check.py TRUTH <EXPORT
"""
import collections
import json
import sys

truth = json.load(open(sys.argv[1]))
wanted = {'"0x%x"' % t['address'] for t in truth.values()}
wanted.update('"0x%x"' % a for t in truth.values() for a in t['referents'])
objects = {}
for line in sys.stdin:
    # all begin with the address; few are looked at
    if line[len('{"address":'):line.index(',')] in wanted:
        o = json.loads(line)
        objects[int(o['address'], 16)] = o
failures = 0


def say(label, what, *rest):
    global failures
    failures += 1
    print('FAILED: %s: %s' % (label, what), *rest)


def names(addresses):
    return [(objects.get(a, {}).get('type'), objects.get(a, {}).get('value')) for a in addresses]


MARK = truth['the mark']['address']
for label, t in sorted(truth.items()):
    o = objects.get(t['address'])
    if not o:
        say(label, 'is no object (%s)' % t['type'])
        continue
    if o['type'].rpartition('.')[2] != t['type'].rpartition('.')[2]:
        say(label, 'type %s, not %s' % (o['type'], t['type']))
    if o['size'] != t['size']:
        say(label, 'size %s, not %s (%s)' % (o['size'], t['size'], t['type']))
    if 'len' in t and o['len'] != t['len']:
        say(label, 'len %s, not %s (%s)' % (o['len'], t['len'], t['type']))
    ours, theirs = collections.Counter(int(a, 16) for a in o['refs']), collections.Counter(t['referents'])
    # what of the truth is no object is what the writer of the truth made itself
    theirs = collections.Counter({a: n for a, n in theirs.items() if a in objects})
    if ours - theirs:
        say(label, 'refers to what it does not (%s)' % t['type'], names((ours - theirs).elements()))
    if theirs - ours:
        say(label, 'does not refer to (%s)' % t['type'], names((theirs - ours).elements()))

    # also what the gc is not shown
    missing = set(t.get('held', ())) - {int(a, 16) for a in o['refs']} - {int(e['address'], 16) for e in o['extra']}
    if missing:
        say(label, 'does not hold (%s)' % t['type'], names(missing))

hidden = 'heap_kinds_native.plain(MARK)'
if hidden in truth:
    extra = objects[truth[hidden]['address']]['extra']
    if [(int(e['address'], 16), e['kind']) for e in extra if int(e['address'], 16) == MARK] != [(MARK, 'guessed')]:
        say(hidden, 'does not hold the mark as a guess', extra)
    print('a native type without the gc holds its object')
print('%d objects of C types, %d differ' % (len(truth), failures))
sys.exit(failures != 0)
