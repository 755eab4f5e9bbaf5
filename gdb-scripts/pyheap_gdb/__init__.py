# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's stacks, exceptions and objects in gdb.  The commands are in commands.py and heap.py; where they get
the process from is in target.py; all that is printed comes from the module _pyheap, which is libpyheap."""

_registered = False


def register():
    """Define the commands that are not there yet: CPython's own libpython.py may have been loaded before."""
    global _registered
    if _registered:
        return
    _registered = True
    from . import commands, frames, heap, printers, target
    target.watch_events()
    commands.register()
    heap.register()
    frames.register()
    printers.register()
