# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of numpy: views, of objects, of records, without dimensions; and its scalars; writes down what they are, and dies.   usage: TRUTH"""
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


class Mine(numpy.float64):
    pass


scalars = [numpy.dtype(code).type(number) for code in ('f2', 'f4', 'f8') for number in
           (0, -0.0, 0.1, -2.5, 1 / 3, 65504, 6e-8, 1e-7, 'inf', 'nan')]
scalars += [numpy.float32(number) for number in (1e-45, 3.4028235e38, 16777216, 1e10, 1.1754944e-38, 123456.79)]
scalars += [numpy.dtype(code).type(number) for code in ('i1', 'i2', 'i4', 'i8', 'longlong') for number in (0, -1, 127, -128)]
scalars += [numpy.dtype(code).type(2 ** (8 * numpy.dtype(code).itemsize) - 1) for code in ('u1', 'u2', 'u4', 'u8', 'ulonglong')]
scalars += [numpy.True_, numpy.False_, numpy.int64(-2 ** 63), Mine(2.25)]
scalars += [numpy.complex64(complex(*pair)) for pair in ((1, 2), (0.1, -0.1), (0, -1e-3))] + [numpy.complex128(1 - 2.5j)]
scalars += [numpy.datetime64(text, unit) for unit in
            ('Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', 'us', 'ns', 'ps', '7D', '10ms', '15m', '6h')
            for text in ('2026-11-23T01:02:03.456789', '1969-12-31T23:59:59.25', '1970-01-01', '2000-02-29', '1899-03-01', 'NaT')
            if unit != 'ps' or text[:2] != '18']


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
    json.dump({'arrays': {n: describe(a) for n, a in kept.items()},
               'scalars': [[hex(id(x)), type(x).__name__, str(x), sys.getsizeof(x)] for x in scalars]}, f)
os.abort()
