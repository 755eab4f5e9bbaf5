# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs code in another interpreter, on the same thread; the process dies in it."""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

INNER = '''
import os

def boom(where):
    try:
        1 // 0
    except ZeroDivisionError:
        os.abort()

boom('inside')
'''


def outer():
    marker = 'outside'
    run = getattr(interpreters, 'exec', None) or interpreters.run_string
    return run(interpreters.create(), INNER), marker


outer()
