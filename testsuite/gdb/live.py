# SPDX-License-Identifier: GPL-3.0-or-later
"""A process to stop: a thread, a handled exception with its cause, a changing local, a heap of some size.

It stops itself with SIGUSR1 each time when it is ready to be looked at."""
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
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)


def phases(text):
    for phase in range(1000, 1003):
        stop()
    try:
        {}['missing key']
    except KeyError as e:
        try:
            raise ValueError('outer', text) from e
        except ValueError:
            handled = [text, phase]
            stop()
            return handled


signal.signal(signal.SIGUSR1, lambda *_: None)
numbers = {'one': 1}
started = threading.Event()
threading.Thread(target=worker, args=(5,), name='the worker', daemon=True).start()
started.wait()
if len(sys.argv) > 1:
    print('ready', flush=True)
    time.sleep(300)
phases('h\xe9llo')
