# SPDX-License-Identifier: GPL-3.0-or-later
"""As heap.py, but links, the order in which things are made and strings are drawn at random: nothing compresses because
it lies beside its like.  usage: random_heap.py INSTANCES
"""
import os
import random
import sys

LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'


class Node:
    pass


def text(rnd):
    return ''.join(rnd.choices(LETTERS, k=rnd.randrange(4, 40)))


def main():
    rnd = random.Random(5)
    nodes = [Node() for i in range(int(sys.argv[1]))]
    for node in rnd.sample(nodes, len(nodes)):
        parts = ['number', 'name', 'next', 'others', 'options', 'share']
        rnd.shuffle(parts)
        for part in parts:
            if part == 'number':
                node.number = rnd.getrandbits(rnd.randrange(8, 60))
            elif part == 'name':
                node.name = text(rnd)
            elif part == 'next':
                node.next = rnd.choice(nodes)
            elif part == 'others':
                node.others = [rnd.choice(nodes) for _ in range(rnd.randrange(6))]
            elif part == 'options':
                node.options = {text(rnd): rnd.choice(nodes), 'weight': rnd.random()}
            else:
                node.share = rnd.random()
    os.abort()


main()
