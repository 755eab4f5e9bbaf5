# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a lock, then is within the collector, then within malloc, for gdb to stop it there."""
import gc
import os
import signal
import threading


class Node(object):
    def __init__(self):
        self.me = self


def stop():
    os.kill(os.getpid(), signal.SIGUSR1)


def collect():
    marker = 'in the collector'
    gc.collect()
    return marker


def allocate(count):
    return [bytearray(n * 4096) for n in range(1, count)]


signal.signal(signal.SIGUSR1, lambda *_: None)
nodes = [Node() for _ in range(5000)]
lock = threading.Lock()
with lock:
    stop()
    collect()
    stop()
    blocks = allocate(40)
