# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of a class whose references are counted by the two threads that made them."""
import gc
import os
import threading
import time

gc.disable()


class Counted(object):
    pass


made = [Counted() for _ in range(100)]


def make():
    made.extend([Counted() for _ in range(200)])
    made.append(threading.Event())
    time.sleep(60)


threading.Thread(target=make, daemon=True).start()
while not isinstance(made[-1], threading.Event):
    time.sleep(0.01)
os.abort()
