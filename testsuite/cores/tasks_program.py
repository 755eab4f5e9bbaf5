# SPDX-License-Identifier: GPL-3.0-or-later
# Dies with an asyncio task for each thing that a task can wait for, in two loops.
import asyncio
import os
import sys
import threading
import time


async def leaf(fut):
    password = 'hunter2secretword'
    note = ['leaf']
    return await fut, note, password


async def agen(fut):
    inside = 'agen'
    yield 1
    await leaf(fut)
    yield inside


async def want_agen(fut):
    async for x in agen(fut):
        got = x
    return got


async def hold(lock):
    async with lock:
        await asyncio.sleep(1000)


async def want_lock(lock, who):
    async with lock:
        return who


async def want_event(event):
    await event.wait()


async def want_queue(queue):
    await queue.get()


async def want_semaphore(semaphore):
    await semaphore.acquire()


async def want_condition(condition):
    async with condition:
        await condition.wait()


async def want_gather(*futures):
    await asyncio.gather(*futures)


async def want_task(task):
    await task


async def stubborn(fut):
    try:
        await fut
    except asyncio.CancelledError:
        await asyncio.sleep(500)


async def fresh():
    pass


tasks = []


def start(loop, coro):
    tasks.append(loop.create_task(coro))
    return tasks[-1]


async def main(loop):
    lock = asyncio.Lock()
    holder = start(loop, hold(lock))
    await asyncio.sleep(0)
    for i in range(12):
        start(loop, want_lock(lock, i))
    start(loop, want_event(asyncio.Event()))
    start(loop, want_queue(asyncio.Queue()))
    start(loop, want_semaphore(asyncio.Semaphore(0)))
    start(loop, want_condition(asyncio.Condition()))
    start(loop, want_gather(loop.create_future(), loop.create_future()))
    start(loop, want_task(holder))
    start(loop, want_agen(loop.create_future()))
    cancelled = start(loop, stubborn(loop.create_future()))
    in_python = asyncio.tasks._PyTask(leaf(loop.create_future()), loop=loop)
    tasks.append(in_python)
    start(loop, fresh())
    await asyncio.sleep(0.05)
    cancelled.cancel()
    await asyncio.sleep(0.05)
    start(loop, fresh())
    if sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
        start(loop, leaf(loop.create_future()))
        loop.set_task_factory(None)
    threading.Thread(target=other, daemon=True).start()
    time.sleep(0.3)
    os.abort()


async def side():
    await asyncio.sleep(77)


def other():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(side())


first = asyncio.new_event_loop()
asyncio.set_event_loop(first)
first.run_until_complete(main(first))
