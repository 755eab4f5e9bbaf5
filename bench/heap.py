# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills a heap and dies some frames deep.  usage: heap.py INSTANCES

A million instances, each with a dict, a list and strings, are a core of about 700 MB.
"""
import os
import sys
import threading
import time


class Order:
    def __init__(self, number):
        self.number = number
        self.name = 'order number %d of the day' % number
        self.lines = [number, str(number), 'line of %d' % number]
        self.options = {'colour': 'blue', 'count': number, 'note': 'note %d' % number}


def wait(gate):
    gate.acquire()


def deeper(orders, index, depth):
    order = orders[index]
    seen = {'index': index, 'order': order}
    if depth:
        return deeper(orders, index, depth - 1)
    try:
        return order.options['missing']
    except KeyError:
        os.abort()


def main():
    orders = [Order(i) for i in range(int(sys.argv[1]))]
    gate = threading.Lock()
    gate.acquire()
    for i in range(4):
        threading.Thread(target=wait, args=(gate,), daemon=True).start()
    time.sleep(0.2)
    deeper(orders, len(orders) // 2, 20)


main()
