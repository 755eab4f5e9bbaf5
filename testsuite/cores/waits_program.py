# SPDX-License-Identifier: GPL-3.0-or-later
# Dies while threads wait: for each kind of lock that Python has.
import os
import queue
import threading
import time


def want_lock(lock):
    with lock:
        pass


def want_rlock(rlock):
    rlock.acquire()


def want_queue(simple):
    simple.get()


def want_thread(thread):
    thread.join()


def hold(lock, rlock, simple, idle):
    lock.acquire()
    rlock.acquire()
    rlock.acquire()
    time.sleep(1000)


lock, rlock, simple, idle = threading.Lock(), threading.RLock(), queue.SimpleQueue(), threading.Lock()
free = threading.RLock()
holder = threading.Thread(target=hold, args=(lock, rlock, simple, idle), name='hold', daemon=True)
holder.start()
time.sleep(0.1)
for function, argument in (want_lock, lock), (want_rlock, rlock), (want_queue, simple), (want_thread, holder):
    threading.Thread(target=function, args=(argument,), name=function.__name__, daemon=True).start()
time.sleep(0.3)
os.abort()
