# SPDX-License-Identifier: GPL-3.0-or-later
"""live.py for Python 2.7, which has no causes."""
import ctypes
import signal
import sys
import threading
import time


def worker(n):
    worker_list = list(range(n))
    password = 'hunter2-live'
    started.set()
    time.sleep(300)
    return worker_list, password


def stop():
    # to this thread: of a signal to the process, the worker that gdb lets go at the same time may have it; with the GIL
    getattr(ctypes.PyDLL(None), 'raise')(int(signal.SIGUSR1))


def phases(text):
    for phase in range(1000, 1003):
        stop()
    try:
        {}['missing key']
    except KeyError:
        try:
            raise ValueError('outer', text)
        except ValueError:
            handled = [text, phase]
            stop()
            return handled


signal.signal(signal.SIGUSR1, lambda *_: None)
numbers = {'one': 1}
started = threading.Event()
thread = threading.Thread(target=worker, args=(5,), name='the worker')
thread.daemon = True
thread.start()
started.wait()
if len(sys.argv) > 1:
    print('ready')
    sys.stdout.flush()
    time.sleep(300)
phases('hello')
