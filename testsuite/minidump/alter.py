# SPDX-License-Identifier: GPL-3.0-or-later
"""alter.py CORE2PYHEAP MINIDUMP SCRATCH [OPTION...]: alter the header, the directory, and the head of each stream, one word at a
time, and run CORE2PYHEAP over it: it reports, or says in one line why it does not.  Prints what else it does."""
import collections
import struct
import subprocess
import sys

program, source, scratch = sys.argv[1:4]
options = sys.argv[4:]
with open(source, 'rb') as f:
    whole = f.read()
count, directory = struct.unpack_from('<II', whole, 8)
streams = [(i,) + struct.unpack_from('<III', whole, directory + 12 * i) for i in range(count)]
WORDS = 0, 1, 4, 32, 0x7fffffff, 0xffffffff, len(whole) - 4, len(whole)
seen, wrong = collections.Counter(), 0


def alterations():
    """What, where, and the word that is put there."""
    for at, what in (0, 'signature'), (4, 'version'), (8, 'number of streams'), (12, "directory's place"), (24, 'flags'):
        for word in WORDS:
            yield what, at, word
    for i, type_, size, rva in streams:
        for at, what in (0, 'type'), (4, 'size'), (8, 'place'):
            # of another stream too: double ones, overlapping ones
            for word in (0, 32, 0xffffffff, len(whole), streams[0][1 + at // 4], streams[-1][1 + at // 4]):
                yield '%s of stream 0x%x' % (what, type_), directory + 12 * i + at, word
        for at in range(0, min(size, 20), 4):
            for word in (0, 32, 0xffffffff):
                yield 'word %d of stream 0x%x' % (at // 4, type_), rva + at, word


def judge(what, run):
    if run.returncode in (0, 1):
        return None
    if run.returncode != 3:
        return 'exit status %d' % run.returncode
    lines = run.stderr.count(b'\n')
    return '%d lines of error' % lines if lines != 1 or len(run.stderr) > 1000 or run.stdout else None


for what, at, word in alterations():
    if at + 4 > len(whole) or whole[at:at + 4] == struct.pack('<I', word):
        continue
    with open(scratch, 'wb') as f:
        f.write(whole[:at] + struct.pack('<I', word) + whole[at + 4:])
    run = subprocess.run([program, '--no-dump'] + options + [scratch], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    complaint = judge(what, run)
    seen[run.returncode] += 1
    if complaint:
        wrong += 1
        print('%s: 0x%x: %s\n%s' % (what, word, complaint, run.stderr.decode(errors='replace')))
print('altered: %d, %s' % (sum(seen.values()), ', '.join('%d with status %d' % (n, s) for s, n in sorted(seen.items()))))
sys.exit(wrong != 0 or len(seen) < 2)
