# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of known shapes, held in known ways: what testsuite/graph/check.py asks `pyheap` about."""
import collections
import weakref


class User(object):
    def __init__(self, name):
        self.name = name
        self.groups = ['staff', name]

    def greet(self):
        return 'hello, ' + self.name


class Session(object):
    __slots__ = ('label', 'user')

    def __init__(self, name):
        self.label = 'label-of-' + name
        self.user = User(name)


class AdminSession(Session):
    __slots__ = ('level',)


class Node(object):
    def __init__(self, tag):
        self.tag = tag


class Registry(object):
    current = None


def counter(start):
    box = [start, User('in a cell')]

    def count():
        box[0] += 1
        return box[0]
    return count


def produce(seed):
    pending = User(seed)
    yield pending
    yield None


CACHE = dict(('user:%d' % i, Session('name%d' % i)) for i in range(10))
CACHE[42] = Session('numbered')
CACHE[('a', 1)] = Session('by tuple')
ADMIN = AdminSession('root')
ADMIN.level = User('level')
Registry.current = User('registered')
COUNT = counter(5)
NUMBERS = [2 ** 63 - 1, 2 ** 63, -2 ** 63 - 1, 2 ** 100, float('nan'), 0.25]
SECRETS = {'token': 987654321}
GENERATOR = produce('generated')
next(GENERATOR)
WAITING = {}
exec('async def wait(seconds): pass', WAITING)
COROUTINE = WAITING['wait'](3)
BOUND = User('bound').greet
QUEUE = collections.deque(User('queued %d' % i) for i in range(3))
NESTED = [[], [User('nested')]]
MEMBERS = set([User('member')])
WEAKLY = weakref.ref(CACHE['user:3'].user)
GROWING = [Node('growing %d' % i) for i in range(100)]
