# SPDX-License-Identifier: GPL-3.0-or-later
"""Frees chunks of glibc into fast bins and caches of two threads, and dies.  usage: malloc_program.py TRUTH

The truth is what malloc itself says: mallinfo2().fsmblks, and what was freed first, which the caches of threads take.
"""
import ctypes
import os
import sys
import threading

SIZE, CHUNK, COUNT, CACHED = 40, 48, 500, 7
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


def thread():
    get_and_give(theirs)
    done.set()
    forever.wait()


threading.Thread(target=thread, daemon=True).start()
done.wait()
get_and_give(ours)
info = libc.mallinfo2()
os.write(truth, b'%d %d' % (info.fsmblks, 2 * CACHED * CHUNK))
os.abort()
