# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a C library hold objects in a register, on the stack, in a global, as a pending call's argument and as an audit
hook's data, each with a reference that nothing of Python has, and dies.

usage: roots_program.py LIBRARY TRUTH
"""
import ctypes
import json
import sys

MASK = 0x5a5a5a5a5a5a5a5a
truth = {}


class Held(object):
    def __init__(self, name):
        self.name = name


class Task(ctypes.Structure):
    _fields_ = ([(n, ctypes.c_uint64) for n in ('in_register', 'on_stack', 'in_global', 'pending', 'stale', 'hook')] +
                [(n, ctypes.c_void_p) for n in ('add_pending', 'make_pending', 'add_hook')])


def give_away(name):
    """Its address, masked; the reference is the library's."""
    held = Held(name)
    truth[name] = '0x%x' % id(held)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
    return id(held) ^ MASK


def function(name):
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value


def python_hook(event, args):
    pass


task = Task()
for name in ('in_register', 'on_stack', 'in_global', 'pending', 'stale', 'hook'):
    setattr(task, name, give_away(name))
give_away('nowhere')
# from where freed ones lay: the slots of the free lists still lead there
spare = [[{}] for i in range(100)]
del spare
leaked = [[None] for i in range(20)] + [{None: None} for i in range(20)]
for container in leaked:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(container))
truth['leaked'] = ['0x%x' % id(container) for container in leaked]
# tuples and tables of dicts that were freed keep the addresses of what they held
spare = [[(None, container), (container, None, None), {'key': container}, {0: container}] for container in leaked]
del spare, leaked, container
# what no collector knows, and which is too large for a pool: in chunks of malloc, the last in a mapping of its own
texts = [(u'leaked text %d, ' % i) * 100 for i in range(5)] + [b'leaked bytes' * n for n in (100, 1000, 100000)]
for text in texts:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(text))
truth['texts'] = [['0x%x' % id(text), len(text)] for text in texts]
del texts, text
task.add_pending = function('Py_AddPendingCall')
task.make_pending = function('Py_MakePendingCalls')
if hasattr(sys, 'addaudithook'):
    task.add_hook = function('PySys_AddAuditHook')
    truth['python hook'] = '0x%x' % id(python_hook)
    sys.addaudithook(python_hook)
del python_hook
with open(sys.argv[2], 'w') as f:
    json.dump(truth, f)
ctypes.PyDLL(sys.argv[1]).hold_and_die(ctypes.byref(task))
