# SPDX-License-Identifier: GPL-3.0-or-later
"""windows_program.py TRUTH DUMP [STYLE [HOW]]: write down what is true of this process (the format is check_truth.py's), then a
minidump of it, by MiniDumpWriteDump through ctypes, or by the program around it (windows_embed.c, which says what STYLE and HOW are;
full memory otherwise).  For CPython 2.7 and 3.6 or later on Windows; Wine will do."""
from __future__ import print_function
import collections
import sys
import threading
import time

PY2 = sys.version_info[0] == 2
TRUTH = []
GLOBAL_DICT = dict(('k%02d' % i, 'value-%04d' % (i * 37)) for i in range(40))
GLOBAL_BIG = 3 ** 130
GLOBAL_SET = set(['red', 'green', 'blue'])
GLOBAL_FROZEN = frozenset([1, 2, 3])
GLOBAL_UNI = u'gr\xfc\xdfe \u4f60\u597d'
GLOBAL_BYTES = b'\x00\x01bytes-MARK\xff'
GLOBAL_FLOATS = [3.141592653589793, -2.5e-10, float('inf')]
GLOBAL_NESTED = {'a': [1, (2, 3.5, None, True), {'deep': ['x', 'y']}]}
GLOBAL_INTS = [0, -1, 2147483647, 2147483648, -2147483649, 2 ** 62, 2 ** 64 + 1, -2 ** 100]
Point = collections.namedtuple('Point', 'x y')
PT = Point(11, 22)
HEAP = []


class Account(object):
    def __init__(self, owner):
        self.owner = owner
        self.history = [('deposit', n * 100) for n in range(5)]


class OrderError(Exception):
    def __init__(self, message, code):
        Exception.__init__(self, message)
        self.code = code


def line(what, value, type_=None, text=None):
    text = repr(value) if text is None else text
    if PY2:
        text = text.decode('latin-1') if isinstance(text, bytes) else text
    text = text.replace('\\', '\\\\').encode('ascii', 'backslashreplace').decode('ascii')
    TRUTH.append(u'%s\t%s\t%s\t%s' % (what, type_ or type(value).__name__, hex(id(value)).rstrip('L'), text[:400]))


def worker(name, started, release):
    local_tag = 'worker-local-' + name
    local_list = [n * len(name) for n in range(8)]
    ident = threading.current_thread().ident
    line('thread %s worker.local_tag' % name, local_tag)
    line('thread %s worker.local_list' % name, local_list)
    line('thread %s ident' % name, ident)
    started.append(name)
    release.wait()


def failing(name, started, release):
    held = 'in-except-of-' + name
    try:
        {}['missing-key-' + name]
    except KeyError as e:
        caught = e
        line('thread %s failing.held' % name, held)
        line('thread %s failing.caught' % name, caught)
        tb = sys.exc_info()[2]
        if not PY2:
            line('thread %s failing.caught.tb[0]' % name, tb, 'failing',
                 'line %d frame %s' % (tb.tb_lineno, hex(id(tb.tb_frame))))
        line('thread %s ident' % name, threading.current_thread().ident)
        del tb
        started.append(name)
        release.wait()


def busy(name, started, release):
    started.append(name)
    while not release.is_set():
        pass


def blocking(name, started, release):
    for _ in range(50):
        time.sleep(0.001)
    started.append(name)
    block(1)


def level3(order_id, acct):
    secret_tag = 'local-%d' % order_id
    scale = 2.5j + order_id
    line('tbframe level3.secret_tag', secret_tag)
    line('tbframe level3.scale', scale)
    line('tbframe level3.acct', acct)
    raise OrderError('cannot process order %d for %s' % (order_id, acct.owner), 77)


def level2(order_id):
    acct = Account('alice-ACCT')
    line('tbframe level2.acct', acct)
    line('tbframe level2.acct.owner', acct.owner)
    line('tbframe level2.acct.history', acct.history)
    return level3(order_id, acct)


def handle(order_id, finish):
    numbers = GLOBAL_INTS[:3]
    try:
        level2(order_id)
    except OrderError as e:
        err = e
        line('main handle.numbers', numbers)
        line('main handle.err', err)
        line('main handle.err.__dict__', err.__dict__)
        tb = sys.exc_info()[2]
        while tb and not PY2:
            n = sum(1 for t in TRUTH if t.startswith('main handle.err.tb['))
            line('main handle.err.tb[%d]' % n, tb, tb.tb_frame.f_code.co_name,
                 'line %d frame %s' % (tb.tb_lineno, hex(id(tb.tb_frame))))
            tb = tb.tb_next
        del tb
        finish()


def by_ctypes(path, style, how):
    import ctypes
    import os
    from ctypes import wintypes
    part = path + '.part'  # whole or not there
    kernel = ctypes.WinDLL('kernel32')
    kernel.CreateFileW.restype = kernel.GetCurrentProcess.restype = wintypes.HANDLE
    file = kernel.CreateFileW(part if not PY2 else part.decode(), 0x40000000, 0, None, 2, 0x80, None)
    write = ctypes.WinDLL('dbghelp').MiniDumpWriteDump
    write.argtypes = [wintypes.HANDLE, wintypes.DWORD, wintypes.HANDLE, ctypes.c_int] + [ctypes.c_void_p] * 3
    ok = write(kernel.GetCurrentProcess(), kernel.GetCurrentProcessId(), file, style, None, None, None)
    kernel.CloseHandle(wintypes.HANDLE(file))
    if not ok:
        raise OSError('MiniDumpWriteDump failed')
    os.rename(part, path)


def main(truth, dump, style='2', how='ask'):
    started, release = [], threading.Event()
    threads = [(worker, 'W1'), (worker, 'W2'), (failing, 'F1')]
    blocked = globals().get('block')
    if blocked and not PY2:
        # write_dump() holds the GIL while it writes, and B1 waits for it; 2.7's would hardly let go of it.  S1 has waited for
        # it often, and let go of it.
        threads += [(busy, 'B1'), (blocking, 'S1')]
    # one after the other: 2.7 imports codecs when they are first used
    for n, (target, name) in enumerate(threads):
        thread = threading.Thread(target=target, args=(name, started, release), name='thr-' + name)
        thread.daemon = True
        thread.start()
        while len(started) <= n:
            time.sleep(0.02)
    while blocked and not PY2 and not blocked(0):
        time.sleep(0.02)
    HEAP.extend(Account('owner-%d' % i) for i in range(500))

    def finish():
        line('main ident', threading.current_thread().ident)
        for name in sorted(globals()):
            if name.startswith('GLOBAL_') or name == 'PT':
                line('globals.' + name, globals()[name])
        with open(truth, 'wb') as f:
            f.write((u'# %s\n' % sys.version.replace('\n', ' ')).encode('ascii'))
            f.write((u'\n'.join(TRUTH) + u'\n').encode('ascii'))
        globals().get('write_dump', by_ctypes)(dump, int(style), how)
        release.set()
    handle(4242, finish)


main(*sys.argv[1:])
