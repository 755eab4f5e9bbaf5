#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a dump with pyheap-pdb on a scripted stdin and holds what it prints against what the dying interpreter wrote of itself.

usage: check_pdb.py PYTHON PYHEAP-PDB DUMP GT.json

Every frame, line and simple local of every thread, and the traceback
"""
import ast
import json
import re
import subprocess
import sys

SIMPLE = {'int', 'float', 'str', 'bytes', 'NoneType', 'bool', 'complex', 'list', 'tuple', 'dict', 'set', 'frozenset', 'range', 'long',
          'unicode', 'bytearray'}
FRAME = re.compile(r'^(?:\(pyheap-pdb\) )*[> ] (\S.*)\((\d+)\)([^()\s]+)\(\)')
failures = []


def fail(*what):
    failures.append(' '.join(str(w) for w in what))


def session(command, lines):
    done = subprocess.run(command, input='\n'.join(lines) + '\n', stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          universal_newlines=True, encoding='utf-8')
    if done.returncode or done.stderr:
        fail(command[-1], 'ended with', done.returncode, done.stderr[-500:])
    return done.stdout


def stacks(command, threads):
    """The frames of the stack that the debugger begins with, then of each thread, in one session."""
    lines = ['p "@@@"', 'bt']
    for thread in threads:
        lines += ['thread ' + thread['name'], 'p "@@@"', 'bt']
    found = []
    for part in session(command, lines).split("'@@@'")[1:]:
        matches = [FRAME.match(line) for line in part.splitlines()]
        frames = [(m.group(3), m.group(1), int(m.group(2))) for m in matches if m]
        # behind the frames of a stack comes the one that the command `thread` shows of the next
        found.append(frames if len(found) == len(threads) else frames[:-1])
    return found


def plain(text):
    """Without what Python 2 and 3 write differently, and the order of sets and dicts."""
    text = re.sub(r"\b[ub](?=['\"])", '', re.sub(r'(?<=\d)L\b', '', text))
    text = re.sub(r'\\u00([89a-f][0-9a-f])', r'\\x\1', text.encode('unicode_escape').decode().replace('\\\\', '\\'))
    if text[:1] == '{' or text.startswith(('set(', 'frozenset(')):
        return sorted(re.findall(r'\w+', text.replace('set([', '{').replace('])', '}')))
    return text


def simple(local):
    text = local['repr']
    return local['type'] in SIMPLE and '...' not in text and not re.search(r'<\+\d+>|<.* at 0x|repr failed|repr skipped|<first', text)


def values(command, wanted):
    """repr of each wanted name, by (thread, index of the frame from the innermost, name), in one session."""
    lines = []
    for thread, (frames, extra) in wanted.items():
        lines += ['thread ' + thread] + ['up'] * extra
        for i, names in enumerate(frames):
            lines += ["p ('@%d', %r, %r, repr(%s))" % (i, thread, name, name) for name in names]
            lines.append('up')
    found = {}
    for line in session(command, lines).splitlines():
        start = line.find("('@")
        if start >= 0:
            place, thread, name, text = ast.literal_eval(line[start:])
            found[thread, int(place[1:]), name] = text
    return found


def truth_of(thread):
    return [f for f in thread['stack_outermost_first'] if f['func'] != '_twin' or not thread['crashing']]


def check_stack(thread, ours):
    """Names of the simple locals of each frame, innermost first, and how many frames of ours the truth lacks; None when they differ."""
    truth, extra = truth_of(thread), 0
    if thread['crashing'] and truth and truth[-1]['func'] == 'crash':
        while ours and ours[-1][0] in ('deep', 'die'):
            ours.pop()
            extra += 1
    last = len(truth) - 1 if thread['crashing'] else -1
    a = [(f, p, 0 if i == last else n) for i, (f, p, n) in enumerate(ours)]
    b = [(f['func'], f['file'], 0 if i == last else f['line']) for i, f in enumerate(truth)]
    if a != b:
        fail(thread['name'], 'is', a[-6:], 'and not', b[-6:])
        return None
    wanted = []
    for i, f in reversed(list(enumerate(truth))):
        usable = isinstance(f['locals'], dict) and i != last and f['func'] != '<module>'
        wanted.append({n: d for n, d in f['locals'].items() if simple(d) and re.match(r'[A-Za-z_]\w*$', n)} if usable else {})
    return wanted, extra


def main():
    python, program, dump, gt = sys.argv[1:]
    with open(gt, encoding='utf-8', errors='surrogatepass') as f:
        gt = json.load(f)
    base = [python, '-I', program, dump]
    frames = count = 0
    first, *ours = stacks(base, gt['threads'])
    wanted = {}
    for thread, stack in zip(gt['threads'], ours):
        checked = check_stack(thread, stack)
        frames += len(truth_of(thread))
        if checked:
            wanted[thread['name']] = checked
    found = values(base, wanted)
    for thread, (names, _) in wanted.items():
        for i, frame in enumerate(names):
            for name, d in frame.items():
                count += 1
                got = found.get((thread, i, name))
                if got is None or plain(got) != plain(d['repr']):
                    fail(thread, name, 'is', got, 'and not', d['repr'])
    if gt.get('exception', {}).get('tb') and gt['mode'] not in ('segv',):
        truth = [(f['func'], f['line']) for f in gt['exception']['tb']]
        frames += len(truth)
        if [(f, n) for f, p, n in first] != truth:
            fail('the traceback is', first, 'and not', truth)
    for line in failures[:20]:
        print('FAILED:', line)
    print('%s: %d frames, %d locals, %d failures' % (dump, frames, count, len(failures)))
    return 1 if failures or not frames or not count else 0


if __name__ == '__main__':
    sys.exit(main())
