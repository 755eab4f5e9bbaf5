# SPDX-License-Identifier: GPL-3.0-or-later
"""A small service that dies within a few frames, while it handles an exception and another thread waits."""
import os
import sys
import threading
import time


class Order:
    def __init__(self, number, items):
        self.number = number
        self.items = items


def wait_for_work(gate):
    gate.acquire()


def parse(text):
    return int(text)


def handle(order):
    total = 0
    for item in order.items:
        try:
            total += parse(item)
        except ValueError:
            sys.stdout.flush()
            os.abort()
    return total


def main():
    gate = threading.Lock()
    gate.acquire()
    worker = threading.Thread(target=wait_for_work, args=(gate,), name='worker', daemon=True)
    worker.start()
    time.sleep(0.1)
    handle(Order(17, ['1', '2', 'three']))


main()
