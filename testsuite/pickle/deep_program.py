# SPDX-License-Identifier: GPL-3.0-or-later
"""What pyheap-pdb has to reach: deep objects, long texts, generators and coroutines, tracebacks.  Dies with SIGABRT."""
import collections
import enum
import os


class Node(object):
    def __init__(self, name, child):
        self.name, self.child = name, child


def chain(n):
    node = None
    for i in range(n):
        node = Node('node %d' % i, node)
    return node


def numbers(start):
    total = start
    while True:
        total += yield total


async def waits():
    in_coroutine = 'local of a coroutine'
    await Never()


class Never:
    def __await__(self):
        yield 1


class Pair(collections.namedtuple('Pair', 'left right')):
    pass


class Colour(enum.Enum):
    RED = 3


class Registry(Node):
    kind = 'registry'


def captured(plain, *more, only=7):
    return lambda: (plain, only), os.abort()


def main():
    one_long_list = list(range(300000))
    deep = chain(300)
    nested = {'a': {'b': {'c': {'d': {'e': ['f', {'g': 'found at the end'}]}}}}}
    text, data = 'x' * 60000 + 'END1', b'y' * 60000 + b'END2'
    long_text = 'z' * 100000
    generator = numbers(40)
    next(generator)
    generator.send(2)
    coroutine = waits()
    coroutine.send(None)
    finished = numbers(1)
    finished.close()
    try:
        raise ValueError('kept')
    except ValueError as e:
        kept = e
    pair, colour, registry = Pair(1, 'two'), Colour.RED, Registry('r', None)
    counted = collections.OrderedDict([('z', 1), ('y', 2)])
    captured('p', 1)


main()
