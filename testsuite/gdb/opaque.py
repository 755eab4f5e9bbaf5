# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a C type that no library knows (point.c), on the stack of Python and of C."""
import signal
import sys

sys.path.insert(0, sys.argv[1])
signal.signal(signal.SIGUSR1, lambda *_: None)
import point


class Sub(point.Point):
    pass


def outer(numbers, name):
    return point.stop(p)


p = point.Point(3, 4, ['a', 'label'])
q = Sub(5, 6, 'sub')
outer([1, 2], 'h\xe9')
