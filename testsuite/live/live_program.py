# SPDX-License-Identifier: GPL-3.0-or-later
"""A process to look at while it runs: it sleeps, waits for a lock, computes, allocates, in threads of its own.

usage: live_program.py quiet|busy [OBJECTS]     2.7 and 3.6 or later.  `quiet` only sleeps and waits: nothing of it changes."""
import ctypes
import os
import sys
import threading
import time


class Thing(object):
    def __init__(self, number):
        self.number = number


def sleeper(sleeper_local):
    started.append('sleeper')
    time.sleep(600)


def waiter(waiter_local):
    started.append('waiter')
    lock.acquire()


def spinner(spinner_local):
    started.append('spinner')
    counter = 0
    while True:
        counter += 1
        beats[0] += 1


def allocator(allocator_local):
    """In malloc and free nearly all the time, without the lock of the interpreter."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    started.append('allocator')
    while True:
        libc.free(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(300000))))


def collector(collector_local):
    import gc
    started.append('collector')
    while True:
        gc.collect()


def start(function, *names):
    for name in names:
        thread = threading.Thread(target=function, name=name, args=('local of ' + name,))
        thread.daemon = True
        thread.start()


def outer(text):
    numbers = [1, 2.5, 10 ** 30, None, True]
    try:
        raise ValueError('being handled')
    except ValueError:
        inner({'text': text, 'numbers': numbers})


def inner(argument):
    while len(started) < count:
        time.sleep(0.01)
    with open(sys.argv[2], 'w') as f:
        f.write('ready')
    while True:
        time.sleep(600)


started = []
beats = [0]
things = [Thing(i) for i in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1000)]
lock = threading.Lock()
lock.acquire()
start(sleeper, 'the sleeper')
start(waiter, 'the waiter')
count = 2
if sys.argv[1] == 'busy':
    start(spinner, *['spinner %d' % i for i in range(3)])
    start(allocator, 'the allocator')
    start(collector, 'the collector')
    count = 7
outer(u'h\xe9llo')
