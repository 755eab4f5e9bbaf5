# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports app, leaks what it is to leak, writes down where things are, and dies.

usage: program.py TRUTH [MORE]     MORE nodes are added to app.GROWING
"""
import ctypes
import gc
import json
import os
import sys

import app

truth = {}


def note(name, thing):
    truth[name] = '0x%x' % id(thing)


def leak_cycle():
    first, second = app.Node('first of the cycle'), app.Node('second of the cycle')
    first.other, second.other = second, first
    first.payload = bytearray(100000)
    note('first', first)
    note('second', second)
    note('payload', first.payload)


def leak_reference():
    held = app.Node('held by C')
    held.below = app.User('below what C holds')
    note('held', held)
    note('below', held.below)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))


def note_all():
    note('app', app)
    note('cache', app.CACHE)
    note('session', app.CACHE['user:7'])
    note('user', app.CACHE['user:7'].user)
    note('label', app.CACHE['user:7'].label)
    note('groups', app.CACHE['user:7'].user.groups)
    note('numbered', app.CACHE[42])
    note('by tuple', app.CACHE[('a', 1)])
    note('level', app.ADMIN.level)
    note('registered', app.Registry.current)
    note('in a cell', app.COUNT.__closure__[0].cell_contents[1])
    note('generated', app.GENERATOR.gi_frame.f_locals['pending'])
    note('bound', app.BOUND.__self__)
    note('queued', app.QUEUE[1])
    note('nested', app.NESTED[1][0])
    note('member', list(app.MEMBERS)[0])
    note('weakly', app.CACHE['user:3'].user)
    note('Session', app.Session)
    note('count', app.COUNT)


def die(local):
    note('local', local)
    with open(sys.argv[1], 'w') as f:
        json.dump(truth, f)
    os.abort()


gc.collect()
gc.disable()
for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
    app.GROWING.append(app.Node('more %d' % i))
leak_cycle()
leak_reference()
note_all()
die(app.User('local of a frame'))
