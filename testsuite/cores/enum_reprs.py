# SPDX-License-Identifier: GPL-3.0-or-later
# Dies with enum members and generators of every kind in its locals; writes the reprs first: enum_reprs.py FILE
import enum
import json
import os
import signal
import sys


class Perm(enum.Flag):
    R = 4
    W = 2
    X = 1


class Alias(enum.IntFlag):
    R = 4
    W = 2
    X = 1
    RW = 6


class Zero(enum.Flag):
    NONE = 0
    A = 1
    C = 4


class Colour(enum.Enum):
    RED = 'a\'b'
    PAIR = (1, 'x')


class Number(enum.IntEnum):
    ONE = 1


def generator():
    yield 1


async def coroutine():
    pass


async def async_generator():
    yield 1


def main():
    # their attributes have other names: pyheap print
    gen, coro, agen = generator(), coroutine(), async_generator()
    values = [
        Perm(0), Perm.R, Perm.R | Perm.W, ~Perm.R, Perm(7), ~Perm(0),
        Alias(0), Alias.R, Alias.R | Alias.W, Alias.R | Alias.X, Alias(7), Alias(8), Alias(12), Alias(1031),
        ~Alias.R, Alias(-1), Alias(-8), ~Alias.RW,
        Zero(0), Zero.A | Zero.C, Zero.C, ~Zero.A,
        Colour.RED, Colour.PAIR, Number.ONE, signal.SIGINT,
        Perm, Alias, Colour, Number,
    ]
    if sys.version_info >= (3, 11):
        class Kept(enum.Flag, boundary=enum.KEEP):
            A = 1
            B = 4

        values += [Kept(8), Kept(9), Kept(15), Kept(0)]
    with open(sys.argv[1], 'w') as f:
        json.dump([repr(v) for v in values], f)
    (v00, v01, v02, v03, v04, v05, v06, v07, v08, v09, v10, v11, v12, v13, v14, v15, v16, v17, v18, v19, v20, v21, v22,
     v23, v24, v25, v26, v27, v28, v29) = values[:30]
    more = values[30:]
    for value in more:
        pass
    os.abort()


main()
