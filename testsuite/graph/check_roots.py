#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `roots` and `path` say of objects that C alone holds.   usage: check_roots.py PYHEAP DUMP TRUTH MACHINE VERSION"""
import json
import subprocess
import sys

PYHEAP, DUMP, TRUTH, MACHINE, VERSION = sys.argv[1:]
with open(TRUTH) as f:
    AT = json.load(f)
failures = []


def run(*args):
    return subprocess.run([PYHEAP] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60).stdout.decode()


roots = {}
for line in run('roots', '--json', DUMP).splitlines():
    root = json.loads(line)
    roots.setdefault(root['address'], []).append(root)


def has(name, kind, text):
    found = roots.get(AT[name], [])
    if not any(r['kind'].startswith(kind) and text in r['name'] for r in found):
        failures.append('%s: no root %r with %r: %r' % (name, kind, text, found))
    first = run('path', DUMP, AT[name]).splitlines()[0]
    if kind.split(',')[0] not in first and text not in first:
        failures.append('%s: its path says %r' % (name, first))
    print('%-12s %s' % (name, first))


if MACHINE == 'x86_64':
    has('in_register', 'register', 'register r14 of thread ')
has('on_stack', 'native stack', 'native stack of thread ')
has('in_global', 'C global', 'hold')
has('pending', 'pending call', 'pending call ')
if 'python hook' in AT:
    has('hook', 'audit hook', 'audit hook ')
    hooks = [r for rs in roots.values() for r in rs if r['kind'] == 'audit hook' and 'interpreter' in r['name']]
    if not hooks:
        failures.append('no root for sys.addaudithook()')
    first = run('path', DUMP, AT['python hook']).splitlines()[0]
    print('%-12s %s' % ('python hook', first))
    if 'audit hooks' not in first:
        failures.append('the hook of Python: its path says %r' % first)
# without knowing the ring's ends
for name in ('nowhere',) if VERSION in ('2.7', '3.6') else ('nowhere', 'stale'):
    if [r for r in roots.get(AT[name], []) if not r['kind'].endswith('guessed')]:
        failures.append('%s is held by nobody: %r' % (name, roots[AT[name]]))
for address in AT['leaked']:
    found = [r for r in roots.get(address, []) if not r['kind'].endswith('guessed')]
    if found:
        failures.append('%s is leaked, and held by nobody: %r' % (address, found))
objects = {o['address']: o for o in map(json.loads, run('export', '--format=jsonl', DUMP).splitlines())}
garbage = run('garbage', DUMP)
for address, length in AT['texts']:
    got = objects.get(address)
    if not got or got['len'] != length:
        failures.append('%s of %d is leaked, and in the heap there is %r' % (address, length, got))
    elif got['refcount'] != 1:
        failures.append('%s is leaked, with a count of %r' % (address, got['refcount']))
if ' bytes ' not in garbage and ' str ' not in garbage:
    failures.append('what is leaked is no garbage:\n' + garbage)
print('\n'.join(failures))
sys.exit(bool(failures))
