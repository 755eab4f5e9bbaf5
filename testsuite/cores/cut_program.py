# SPDX-License-Identifier: GPL-3.0-or-later
# Dies in functions that C code calls, a generator and a recursion.
import os


def leaf(number):
    here = 'leaf'
    os.abort()
    return here


def by_c(number):
    inner = [number]
    return leaf(inner)


def generate(count):
    for i in range(count):
        yield middle(i)


def middle(number):
    label = 'middle'
    return label, list(map(by_c, [number]))


def recurse(depth):
    if depth:
        return recurse(depth - 1)
    return list(generate(3))


def main():
    word = 'main'
    return word, sorted([3, 2], key=lambda v: recurse(40))


main()
