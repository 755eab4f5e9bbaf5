# SPDX-License-Identifier: GPL-3.0-or-later
"""A program full of what could hurt the reader of its pickle; it dies in trap()."""
import os
import sys


class Reduced(object):
    def __reduce__(self):
        return (os.system, ('touch PWNED',))

    def __setstate__(self, state):
        os.system('touch PWNED')


class Lying(object):
    def __hash__(self):
        return 42

    def __eq__(self, other):
        raise RuntimeError('eq')


class HashableList(list):
    def __hash__(self):
        return 7

    extend = append = None


class Named(Exception):
    pass


def trap():
    deep = []
    for _ in range(100000):
        deep = [deep]
    tuples = ()
    for _ in range(100000):
        tuples = (tuples,)
    cycle = []
    cycle.append((cycle, {'self': cycle}))
    keys = {Lying(): 1, HashableList([1]): 3, b'a': 4, 'a': 5, (1, (2, 3)): 6, 1.0: 7, 'x' * 5000: 8}
    members = {HashableList([2]), frozenset([frozenset([1])]), (1, 2)}
    hidden = {'__builtins__': {}, '__class__': 3}
    huge = 'h' * 10000000
    lone = '\ud800 \udfff ok'
    number = -(1 << 5000)
    odd = type('od\u00e9 d\n', (object,), {'not an identifier': 1, '__getattr__': 5})()
    odd.__dict__['two words'] = 2
    odd.__dict__['__setstate__'] = print
    reduced = Reduced()
    error = Named('x')
    error.__dict__.update({'__class__': 1, 'args': 5})
    simple = 'reached'
    try:
        raise error
    except Named:
        os.abort()


globals()['__builtins__'] = {'print': print, 'range': range, 'frozenset': frozenset, 'type': type, 'object': object, '__import__': __import__,
                             '__build_class__': __build_class__, 'globals': globals}
trap()
