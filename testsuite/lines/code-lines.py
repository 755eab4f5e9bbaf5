# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by an interpreter under test: writes its own code objects' line tables and what it says of each instruction.

`T FORM FIRSTLINE HEX` then `L OFFSET LINE END_LINE COLUMN END_COLUMN` (0 no line, -1 no column) for each instruction.
"""
import argparse
import collections
import dis
import json.decoder
import sys
import types
import typing

EXTRA = '''
x = [i for i in range(3)]; y = (x
    , 2)
def wide(a,
         b={},

         *c):
    try:
        return (a +
                b.get('a-rather-long-key-that-reaches-far-beyond-column-one-hundred-and-twenty-eight-so-that-the-long-form-is-needed', a))
    except (ValueError,
            KeyError):
        pass
    finally:
        del b
''' + '\n' * 300 + 'async def far():\n    async with x as z:\n        yield z\n'


def codes(code, seen):
    if code in seen:
        return
    seen.add(code)
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            for c in codes(const, seen):
                yield c


def lines(code):
    size = len(code.co_code)
    if hasattr(code, 'co_positions'):
        for i, (line, end, column, end_column) in enumerate(code.co_positions()):
            if not line:  # a module's RESUME says line 0, which is no line
                line = end = column = None
            if column is None or end_column is None:
                column = end_column = -1
            yield 2 * i, line or 0, end or 0, column, end_column
    elif hasattr(code, 'co_lines'):
        for start, end, line in code.co_lines():
            for offset in range(start, end, 2):
                yield offset, line or 0, line or 0, -1, -1
    else:
        starts = dict(dis.findlinestarts(code))
        line = code.co_firstlineno
        for offset in range(0, size, 2):
            line = starts.get(offset, line)
            yield offset, line, line, -1, -1


def main():
    form = 2 if hasattr(types.CodeType, 'co_positions') else 1 if hasattr(types.CodeType, 'co_lines') else 0
    out = []
    seen = set()
    sources = [(open(m.__file__, encoding='utf-8').read(), m.__file__)
               for m in (argparse, collections, json.decoder, typing, dis)]
    for text, name in sources + [(EXTRA, 'extra')]:
        for code in codes(compile(text, name, 'exec'), seen):
            table = code.co_linetable if form else code.co_lnotab
            out.append('T %d %d %s' % (form, code.co_firstlineno, table.hex()))
            out.extend('L %d %d %d %d %d' % row for row in lines(code))
    sys.stdout.write('\n'.join(out) + '\n')


main()
