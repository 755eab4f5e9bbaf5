# SPDX-License-Identifier: GPL-3.0-or-later
"""Dies below a module's, a class body's and exec()'s frames, whose variables are in dicts."""
import os
import sys
from collections import OrderedDict

__hidden__ = 1
first = 'number one'
password = 'hunter2hunter2'
_private = [1, 2]
shorthand = len


def function():
    pass


class Class:
    pass


instance = Class()
for index in range(1200):
    globals()['v%04d' % index] = index
last = None


def die():
    os.abort()


SOURCE = '''
colour = "red"
class Body:
    import json
    size = 17
    def method(self):
        pass
    def inner():
        return 1
    die()
'''
namespace = {'die': die, 'given': (1, 2)}
exec(compile(SOURCE, '<source>', 'exec'), namespace)
