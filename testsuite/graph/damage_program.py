# SPDX-License-Identifier: GPL-3.0-or-later
"""A small heap: usage: damage_program.py TRUTH"""
import os
import sys


class Thing(object):
    def __init__(self, number):
        self.number = number
        self.name = 'thing %d' % number


class Slotted(object):
    __slots__ = ('things', 'numbers')


THINGS = dict(('t%d' % i, Thing(i)) for i in range(200))


def die(local):
    with open(sys.argv[1], 'w') as f:
        f.write('0x%x' % id(THINGS['t7']))
    try:
        raise ValueError('the last one')
    except ValueError:
        os.abort()


held = Slotted()
held.things, held.numbers = THINGS, [1, 2, 3]
die(held)
