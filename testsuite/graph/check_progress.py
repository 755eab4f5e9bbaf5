#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""pyheap shows progress when it is to, and a Ctrl-C ends it without a file in the cache.

usage: check_progress.py PYHEAP DUMP TRUTH

A verb is caught in the middle of its work by a standard error that takes nothing: the first progress line waits there.
"""
import fcntl
import os
import signal
import subprocess
import sys
import time

PYHEAP, DUMP, TRUTH = sys.argv[1:]
with open(TRUTH) as f:
    THING = f.read()
VERBS = {'types': [], 'find': ['Thing'], 'retained': [], 'path': [THING], 'referrers': [THING], 'garbage': [], 'export': [],
         'verify': []}
CACHE = os.environ['XDG_CACHE_HOME']
failures = []


def command(verb, *options):
    return [PYHEAP] + list(options) + [verb, DUMP] + VERBS[verb]


def run(verb, *options):
    done = subprocess.run(command(verb, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout, done.stderr


def kept():
    return [name for _, _, names in os.walk(CACHE) for name in names]


def full_pipe():
    read, write = os.pipe()
    fcntl.fcntl(write, 1031, 4096)  # F_SETPIPE_SZ
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b'.')
    except BlockingIOError:
        os.set_blocking(write, True)
    return read, write


def wait_until_it_waits(process):
    """In a system call that does not return."""
    asleep, until = 0, time.monotonic() + 60
    while asleep < 10 and time.monotonic() < until and process.poll() is None:
        with open('/proc/%d/stat' % process.pid) as f:
            state = f.read().rsplit(') ', 1)[1][0]
        asleep = asleep + 1 if state == 'S' else 0
        time.sleep(0.01)
    return asleep == 10


def interrupted(verb):
    read, write = full_pipe()
    process = subprocess.Popen(command(verb, '--progress=always'), stdout=subprocess.PIPE, stderr=write)
    os.close(write)
    if not wait_until_it_waits(process):
        failures.append('%s: shows no progress' % verb)
    process.send_signal(signal.SIGINT)
    said = b''
    while True:
        piece = os.read(read, 65536)
        if not piece:
            break
        said += piece
    os.close(read)
    out = process.stdout.read()
    process.stdout.close()
    status = process.wait(60)
    if (status, said[-len(b'pyheap: stopped\n'):]) != (2, b'pyheap: stopped\n'):
        failures.append('%s: an interrupt ends it with %d: %r' % (verb, status, said.lstrip(b'.')[-200:]))
    if verb != 'export' and out:
        failures.append('%s: prints when it was interrupted: %r' % (verb, out[:200]))
    if kept():
        failures.append('%s: leaves %r' % (verb, kept()))


for verb in VERBS:
    interrupted(verb)
for verb in VERBS:
    plain = run(verb)
    if plain[0] or not plain[1] or plain[2]:
        failures.append('%s: %r' % (verb, plain))
for name in kept():
    os.unlink(os.path.join(CACHE, 'pyheap', name))
for verb in ('retained', 'export'):
    plain, shown = run(verb, '--progress=never'), run(verb, '--progress=always')
    if plain[:2] != shown[:2] or plain[2]:
        failures.append('%s: another answer with progress: %r, %r' % (verb, shown[0], plain[2]))
    if verb == 'export' and not (shown[2].startswith(b'\r\033[Kreading the heap: ') and shown[2].endswith(b'\r\033[K')):
        failures.append('%s: progress reads %r' % (verb, shown[2]))
if run('types', '--progress=sometimes')[0] != 2:
    failures.append('--progress=sometimes is taken')
for failure in failures:
    print('FAILED: ' + failure)
print('%d wrong' % len(failures))
sys.exit(1 if failures else 0)
