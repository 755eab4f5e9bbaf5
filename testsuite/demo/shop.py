# SPDX-License-Identifier: GPL-3.0-or-later
"""A small shop that crashes for real: the program of `./setup demo`.

Orders are read, priced and paid by worker threads. One order has a price that is no number; the handler of that error
prints a refund label through a C library and hands it a NULL pointer. Works with Python 3.8 to 3.13.
"""
import collections
import ctypes
import dataclasses
import decimal
import enum
import os
import queue
import threading
import time


class OrderError(Exception):
    """An order that cannot be carried out."""


class State(enum.Enum):
    NEW = 1
    PAID = 2


@dataclasses.dataclass
class Order:
    number: int
    customer: str
    items: list
    state: State = State.NEW


Line = collections.namedtuple('Line', 'article amount price')


def read_price(text):
    return decimal.Decimal(text.replace('€', '').strip())


def total_of(order):
    total = decimal.Decimal(0)
    for position, line in enumerate(order.items, 1):
        try:
            total += line.amount * read_price(line.price)
        except decimal.InvalidOperation as error:
            raise OrderError('order %d: no price in line %d' % (order.number, position)) from error
    return total


def print_label(address):
    """The label printer's library takes a C string and trusts it."""
    return ctypes.string_at(address)


def refund(order, error):
    api_key = os.environ.get('SHOP_API_KEY', 'none')
    headers = {'Authorization': 'Bearer ' + api_key, 'X-Order': order.number, 'Accept': 'image/png'}
    labels = {}     # customer: address of the label in the printer's memory
    return headers, print_label(labels.get(order.customer, 0))


def process(order):
    try:
        amount = total_of(order)
        order.state = State.PAID
        return amount
    except OrderError as error:
        refund(order, error)


def stock_keeper(stock, wanted):
    while True:
        article = wanted.get()
        stock[article] -= 1


def heartbeat(interval):
    beats = 0
    while True:
        beats += 1
        time.sleep(interval)


def main():
    wanted = queue.Queue()
    stock = collections.Counter(tea=12, cup=3, biscuits=40)
    for name in ('stock-1', 'stock-2', 'stock-3'):
        threading.Thread(target=stock_keeper, args=(stock, wanted), name=name, daemon=True).start()
    threading.Thread(target=heartbeat, args=(60,), name='heartbeat', daemon=True).start()
    time.sleep(0.2)
    orders = [
        Order(1001, 'Ada Lovelace', [Line('tea', 2, '4.20 €'), Line('cup', 1, '7.00 €')]),
        Order(1002, 'Charles Babbage', [Line('biscuits', 3, '1.15 €'), Line('tea', 1, 'four euros')]),
    ]
    for order in orders:
        print(order.number, process(order), flush=True)


if __name__ == '__main__':
    main()
