# SPDX-License-Identifier: GPL-3.0-or-later
"""Frees chunks of glibc into fast bins and caches of two threads, and dies.  usage: malloc_program.py TRUTH

The truth is what malloc itself says: mallinfo2().fsmblks, and what was freed first, which the caches of threads take: with
GLIBC_TUNABLES=glibc.malloc.tcache_max=65536 since glibc 2.42 large chunks too.  And how many the bins of a cache take.
"""
import ctypes
import os
import sys
import threading

SIZE, CHUNK, COUNT = 40, 48, 500
NEWEST = tuple(map(int, os.confstr('CS_GNU_LIBC_VERSION').split()[1].split('.')[:2])) >= (2, 42)
TUNABLE = 'glibc.malloc.tcache_max=65536'
if NEWEST and os.environ.get('GLIBC_TUNABLES') != TUNABLE:
    os.execve(sys.executable, [sys.executable] + sys.argv, dict(os.environ, GLIBC_TUNABLES=TUNABLE))
CACHED = 16 if NEWEST else 7
LARGE = (3000, 3100, 9000, 40000) if NEWEST else ()  # the first two in one bin
LARGE_COUNT = 5
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_size_t
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_size_t]


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split()]


libc.mallinfo2.restype = Info
truth = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
done, forever = threading.Event(), threading.Event()


# nothing else is freed: a large chunk would have malloc join all of its arena's
ours, theirs = [0] * COUNT, [0] * COUNT


def get_and_give(chunks):
    for i in range(COUNT):
        chunks[i] = libc.malloc(SIZE)
    # the last one stays, so that none lies next to the end of the heap
    for i in range(COUNT - 1):
        libc.free(chunks[i])
    large = [libc.malloc(size) for size in LARGE for _ in range(LARGE_COUNT) if libc.malloc(SIZE)]
    for chunk in large:
        libc.free(chunk)


def thread():
    get_and_give(theirs)
    done.set()
    forever.wait()


threading.Thread(target=thread, daemon=True).start()
done.wait()
get_and_give(ours)
info = libc.mallinfo2()
large = LARGE_COUNT * sum(size + 8 + 15 & ~15 for size in LARGE)
os.write(truth, b'%d %d %d' % (info.fsmblks, 2 * (CACHED * CHUNK + large), CACHED))
os.abort()
