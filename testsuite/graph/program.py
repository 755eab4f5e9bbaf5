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


def leak_equal_cycles():
    for _ in range(100):
        itself = []
        itself.append(itself)
    note('one of the equal', itself)


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
    note('coroutine', app.COROUTINE)
    note('bound', app.BOUND.__self__)
    note('queued', app.QUEUE[1])
    note('nested', app.NESTED[1][0])
    note('member', list(app.MEMBERS)[0])
    note('weakly', app.CACHE['user:3'].user)
    note('interned', INTERNED[0])
    note('Session', app.Session)
    note('count', app.COUNT)


INTERNED = [(getattr(sys, 'intern', None) or intern)('interned %d' % len(truth))]  # noqa: F821


class Shared:
    """Its instances share a table of names that is larger than what each has of its own."""
    def __init__(self):
        for name in 'abcdefghijklmnopqrstuvwxy':
            setattr(self, name, None)


GROWN, THINNED, SHARED = [], {i: None for i in range(1000)}, [Shared() for _ in range(50)]
LONG, MAPPED = '\u20ac' * 20000, '\u20ac' * 1000000
for i in range(700):
    GROWN.append(None)
for i in range(990):
    del THINNED[i]


def note_held():
    """What malloc says that its chunks take, from the pointers of Include/cpython/listobject.h and dictobject.h."""
    libc = ctypes.CDLL(None)
    libc.malloc_usable_size.restype = ctypes.c_size_t

    def word(address):
        return ctypes.c_size_t.from_address(address).value

    def chunk(address):
        size = word(address - 8)
        usable = libc.malloc_usable_size(ctypes.c_void_p(address))
        assert usable + (16 if size & 2 else 8) == size & ~7
        return size & ~7

    items, allocated, keys = word(id(GROWN) + 24), word(id(GROWN) + 32), word(id(THINNED) + 32)
    assert allocated > len(GROWN) and chunk(items) >= allocated * 8 + 8
    # a list and a dict are 40 and 48 bytes behind a head of 16: blocks of 64
    truth['bytes held'] = {
        '0x%x' % id(GROWN): 64 + chunk(items), '0x%x' % id(THINNED): 64 + chunk(keys),
        '0x%x' % id(LONG): chunk(id(LONG)), '0x%x' % id(MAPPED): chunk(id(MAPPED)),
    }
    # since 3.11 values lie with the instance, and asking for the dict would make one
    truth['shared'] = ['0x%x' % id(x if sys.version_info >= (3, 11) else vars(x)) for x in SHARED]


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
leak_equal_cycles()
leak_reference()
note_all()
note_held()
die(app.User('local of a frame'))
