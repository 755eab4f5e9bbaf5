# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for a process that the kernel dumps: its child, with the same memory at the same addresses, leaves a core in the current
folder, and it waits.  usage: victim.py READY-FILE [MEGABYTES]"""
import os
import sys
import time


def handle(request):
    password = 'hunter2-victim'
    visitors = ['Ada', 'Charles']
    ballast = bytearray(os.urandom(1 << 20)) * int((sys.argv[2:] or ['1'])[0])
    try:
        raise LookupError('no such order', request)
    except LookupError:
        child = os.fork()
        if not child:
            os.abort()
        os.waitpid(child, 0)
        with open(sys.argv[1], 'w') as f:
            f.write('ready')
        time.sleep(600)
    return password, visitors, ballast


handle({'order': 77})
