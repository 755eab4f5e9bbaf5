# SPDX-License-Identifier: GPL-3.0-or-later
"""A WSGI application that dies when it is asked to: in a request, while it handles an exception, other threads busy."""
import os
import sys
import threading
import time


def wait_for_work(gate):
    gate.acquire()


gate = threading.Lock()
gate.acquire()
threading.Thread(target=wait_for_work, args=(gate,), name='background', daemon=True).start()


def look_up(prices, name):
    return prices[name]


def checkout(path, method):
    prices = {'apple': 3, 'pear': 4}
    basket = ['apple', 'plum']
    total = 0
    for name in basket:
        try:
            total += look_up(prices, name)
        except KeyError:
            sys.stdout.flush()
            os.abort()
    return total


def slow():
    time.sleep(100000)


def application(environ, start_response):
    if environ['PATH_INFO'] == '/slow':
        slow()
    if environ['PATH_INFO'] == '/crash':
        checkout(environ['PATH_INFO'], environ['REQUEST_METHOD'])
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'ok ' + sys.version.encode()]
