# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of numpy: views, of objects, without dimensions; writes down what they are, and dies.   usage: TRUTH"""
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


def describe(a):
    return {'address': hex(id(a)), 'dtype': hex(id(a.dtype)), 'base': hex(id(a.base)) if a.base is not None else None,
            'size': sys.getsizeof(a), 'len': len(a) if a.shape else None,
            'shape': list(a.shape), 'nbytes': a.nbytes, 'name': a.dtype.name,
            'items': [hex(id(x)) for x in a.flat] if a.dtype == object else []}


with open(sys.argv[1], 'w') as f:
    json.dump({n: describe(globals()[n]) for n in ('wide', 'view', 'things', 'scalar', 'record')}, f)
kept = [wide, view, things, scalar, record]  # the stack reaches them
os.abort()
