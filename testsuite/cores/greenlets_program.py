# SPDX-License-Identifier: GPL-3.0-or-later
# Dies with greenlets of every kind: bare ones, gevent's where it can be imported, and those of a coroutine that runs code
# which knows nothing of coroutines, as SQLAlchemy does.  A forked twin writes what is true to the file of the argument.
import gc
import json
import os
import sys
import threading
import time

import greenlet

try:
    import gevent
    import gevent.event
    import gevent.lock
    import gevent.queue
    gevent.get_hub().loop.timer(0)
except Exception:
    gevent = None

ready = []


# ---- bare ones ----

def deep(n, end):
    level = 'level %d' % n
    if n:
        return deep(n - 1, end), level
    return end(), level


def through_c(value):
    inside = ['through', value]
    greenlet.getcurrent().parent.switch(inside)
    return value


def from_c():
    # list.sort() calls back: the interpreter is entered anew, upon the C stack
    values = [2, 1]
    values.sort(key=through_c)


def generator():
    in_generator = 'g'
    yield 1
    greenlet.getcurrent().parent.switch(in_generator)
    yield 2


def iterate():
    return [x for x in generator()]


def switcher():
    password = 'hunter2secretword'
    greenlet.getcurrent().parent.switch(password)


def nested():
    child = greenlet.greenlet(switcher)
    child.switch()
    greenlet.getcurrent().parent.switch(child)


def quick():
    return 'dead'


class Own(greenlet.greenlet):
    def run(self):
        greenlet.getcurrent().parent.switch('own')


class Chunk(object):
    def __lt__(self, other):
        return deep(12, from_c)


def bare():
    kept = []
    for run in (switcher, from_c, iterate, nested, lambda: deep(20, switcher), lambda: deep(3, from_c),
                lambda: Chunk() < Chunk(), lambda: max([1, 2], key=lambda x: deep(5, iterate))):
        g = greenlet.greenlet(run)
        g.switch()
        kept.append(g)
    kept.append(greenlet.greenlet(switcher))
    kept.append(Own())
    kept.append(Own())
    kept[-1].switch()
    dead = greenlet.greenlet(quick)
    dead.switch()
    named = greenlet.greenlet(switcher)
    named.name = 'named'
    named.switch()
    ready.append(kept)

    def leave():
        ready.append((kept, dead, named))
        time.sleep(1000)
    greenlet.greenlet(lambda: deep(2, leave)).switch()


# ---- gevent's ----

def sleeper(seconds):
    note = 'asleep for %d' % seconds
    gevent.sleep(seconds)
    return note


def want_event(event):
    event.wait()


def want_queue(queue):
    return queue.get()


def want_lock(lock):
    with lock:
        pass


def want_join(other):
    other.join()


def last():
    ready.append('gevent')
    time.sleep(1000)


def with_gevent():
    lock = gevent.lock.Semaphore(1)
    lock.acquire()
    kept = [gevent.spawn(sleeper, 100), gevent.spawn(want_event, gevent.event.Event()),
            gevent.spawn(want_queue, gevent.queue.Queue()), gevent.spawn(want_lock, lock)]
    kept.append(gevent.spawn(want_join, kept[0]))
    kept += [gevent.spawn(sleeper, 7) for i in range(10)]
    gevent.sleep(0.05)
    kept.append(gevent.spawn(last))
    kept.append(gevent.spawn(sleeper, 5))
    gevent.joinall(kept)


# ---- a coroutine's ----

class Worker(greenlet.greenlet):
    pass


def await_only(awaitable):
    return greenlet.getcurrent().parent.switch(awaitable)


def execute(future, statement):
    cursor = {'statement': statement}
    return await_only(future), cursor


def crash():
    write_truth(sys.argv[1])
    os.abort()


# 2.7 cannot compile it
COROUTINES = r"""
import asyncio


async def greenlet_spawn(function, *args):
    context = Worker(function, greenlet.getcurrent())
    result = context.switch(*args)
    while not context.dead:
        value = await result
        result = context.switch(value)
    return result


async def session(future, number):
    await greenlet_spawn(execute, future, 'select %d' % number)


async def main():
    loop = asyncio.get_event_loop()
    tasks = [loop.create_task(session(loop.create_future(), i)) for i in range(3)]
    await asyncio.sleep(0.05)
    await greenlet_spawn(crash)
    return tasks


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
"""

# ---- the truth ----

def frames(frame):
    stack = []
    while frame:
        stack.append({'function': frame.f_code.co_name, 'line': frame.f_lineno,
                      'locals': sorted(k for k in frame.f_locals if not k.startswith(('__', '.')))
                      if frame.f_code.co_flags & 1 else None})
        frame = frame.f_back
    return stack[::-1]


def is_started(g):
    # gevent's own bool() says something else
    return (getattr(greenlet.greenlet, '__bool__', None) or greenlet.greenlet.__nonzero__)(g)


def is_dead(g):
    return greenlet.greenlet.dead.__get__(g)


def entry(g, current):
    state = 'not started' if not is_started(g) else 'running' if g is current or not g.gr_frame else 'suspended'
    stack = frames(g.gr_frame)
    if g is current:
        stack = frames(sys._getframe())
        stack = stack[:[f['function'] for f in stack].index('write_truth')]
    kind = type(g)
    parent = g.parent
    return {'address': hex(id(g)), 'state': state, 'frames': stack, 'parent': hex(id(parent)) if parent else None,
            'type': kind.__module__ + '.' + getattr(kind, '__qualname__', kind.__name__)}


def all_entries():
    current = greenlet.getcurrent()
    return [entry(g, current) for g in gc.get_objects() if isinstance(g, greenlet.greenlet) and not is_dead(g)]


def write_truth(path):
    pid = os.fork()
    if not pid:
        try:
            with open(path, 'w') as f:
                json.dump({'greenlets': list(all_entries()), 'version': greenlet.__version__,
                           'gevent': gevent and gevent.__version__}, f)
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def start(target, name):
    thread = threading.Thread(target=target, name=name)
    thread.daemon = True
    thread.start()


def wait_for(count):
    for i in range(1000):
        if len(ready) < count:
            time.sleep(0.01)


start(bare, 'bare')
wait_for(2)
if gevent:
    start(with_gevent, 'gevent')
    wait_for(3)
time.sleep(0.1)
if sys.version_info >= (3, 6):
    exec(compile(COROUTINES, '<coroutines>', 'exec'))
else:
    greenlet.greenlet(crash).switch()
