# SPDX-License-Identifier: GPL-3.0-or-later
"""A process with addresses whose place is known: of members, items, blocks, freed memory.  Stops itself."""
import os
import signal


class Slots(object):
    __slots__ = ('first', 'second')


class Plain(object):
    pass


def stop():
    os.kill(os.getpid(), signal.SIGUSR1)


signal.signal(signal.SIGUSR1, lambda *_: None)
slots = Slots()
slots.first = ['the first']
slots.second = ['the second']
plain = Plain()
items = [['item', n] for n in range(20)]
long_list = [None] * 5000
table = dict(('key %d' % n, n) for n in range(200))
row = (['zero'], ['one'])
# large enough that nothing else takes its place
gone = b'gone' * len(long_list[4890:])
freed = id(gone)
del gone

slots_at, items_at, row_at, table_at, list_at, long_at = [id(o) for o in (slots, items, row, table, list, long_list)]
stop()
