# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of numpy: views, of objects, of records, without dimensions; writes down what they are, and dies.   usage: TRUTH"""
import json
import os
import sys

import numpy

wide = numpy.arange(6000, dtype='int32').reshape(3, 2000)
view = wide[1:]
things = numpy.array([['a thing', 'another'], [None, 3.25]], dtype=object)
scalar = numpy.array(5.0)
record = numpy.zeros(7, dtype=[('x', 'f8'), ('y', 'i2')])
masked = numpy.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
columns = numpy.array([['first', 'second'], ['third', 'fourth']], dtype=object, order='F')
cube = numpy.arange(24).astype(object).reshape(2, 3, 4).transpose(1, 0, 2).copy(order='K')  # own, and in no order
every_other = cube[::2, ::-1]
mixed = numpy.array([(1, 'one', (2.5, 'deep')), (2, 'two', (3.5, 'deeper'))],
                    dtype=[('a', 'i4'), ('o', 'O'), ('in', [('x', 'f8'), ('p', 'O')])])
pairs = numpy.zeros(3, dtype=[('n', 'u1'), ('two', 'O', (2,)), ('s', 'S3'), ('t', 'U2'), ('b', '?')])
for place in range(3):
    pairs['two'][place] = ('left %d' % place, 'right %d' % place)
only = mixed['o']  # every so many bytes of the other's buffer
swapped = numpy.zeros(2, dtype='>i4')
text = numpy.array(['ab', 'cde'])
when = numpy.array(['2026-11-23T01:02:03'], dtype='datetime64[10ms]')
big = numpy.ones(300000)  # a mapping of its own
part = big[100:200]
kept = {n: a for n, a in list(globals().items()) if isinstance(a, numpy.ndarray)}


def items(a):
    """What it refers to itself, as (label, address)."""
    if a.base is not None or not a.dtype.hasobject:
        return []
    if a.dtype == object:
        return [(('.flat[%d]' if type(a) is numpy.ndarray else '[%d]') % i, hex(id(x))) for i, x in enumerate(a.flat)]
    if a is mixed:
        return [pair for r in a for pair in (("['o']", hex(id(r['o']))), ("['p']", hex(id(r['in']['p']))))]
    return [("['two']", hex(id(x))) for r in a for x in r['two']]


def describe(a):
    return {'address': hex(id(a)), 'dtype': hex(id(a.dtype)), 'base': hex(id(a.base)) if a.base is not None else None,
            'size': sys.getsizeof(a), 'len': len(a) if a.shape else None, 'own': bool(a.flags.owndata),
            'shape': list(a.shape), 'nbytes': a.nbytes, 'name': str(a.dtype), 'repr': repr(a.dtype),
            'type': type(a).__module__ + '.' + type(a).__name__, 'items': items(a)}


with open(sys.argv[1], 'w') as f:
    json.dump({n: describe(a) for n, a in kept.items()}, f)
os.abort()
