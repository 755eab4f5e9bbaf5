# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code point, and random mixtures, quoted by us and by repr() of the Python that runs this.

Their Unicode versions may differ: then the differences are all code points that one of the two does not know yet."""
import os
import random
import struct
import subprocess
import sys
import unicodedata

HELPER = os.path.join(os.environ.get('top_builddir', '.'), 'testsuite/record/record-helper')


def ask(what, texts):
    data = b''.join(struct.pack('<I', len(t)) + t for t in texts)
    out = subprocess.run([HELPER, what], input=data, stdout=subprocess.PIPE, check=True).stdout
    return out.decode().split('\n')[:-1]


def main():
    failed = 0
    every = [chr(c) for c in range(sys.maxunicode + 1)]
    got = ask('str', [c.encode('utf-8', 'surrogatepass') for c in every])
    if len(got) != len(every):
        sys.exit('%d lines, not %d' % (len(got), len(every)))
    wrong = [c for c, g in zip(every, got) if g != repr(c)]
    unknown_here = [c for c in wrong if unicodedata.category(c) == 'Cn']
    print('%d code points, Unicode %s: %d differ, %d of them unknown here'
          % (len(every), unicodedata.unidata_version, len(wrong), len(unknown_here)))
    if len(unknown_here) not in (0, len(wrong)) or len(wrong) > 20000:
        print('the differences are not those of one version being newer: %s' % [hex(ord(c)) for c in wrong[:20]])
        failed = 1
    random.seed(3)
    alphabet = 'ab\'"\\\n\t\r\0\x7f\x80\xff \u20ac\udc80\u2028\u202e\U0001f600'
    texts = [''.join(random.choice(alphabet) for _ in range(random.randrange(12))) for _ in range(5000)]
    for t, g in zip(texts, ask('str', [t.encode('utf-8', 'surrogatepass') for t in texts])):
        if g != repr(t):
            print('%s, not %r' % (g, t))
            failed = 1
    blobs = [bytes(random.choice(b'ab\'"\\\n\t\r\0\x7f\x80\xff ') for _ in range(random.randrange(12))) for _ in range(5000)]
    blobs.append(bytes(range(256)))
    for t, g in zip(blobs, ask('bytes', blobs)):
        if g != repr(t):
            print('%s, not %r' % (g, t))
            failed = 1
    sys.exit(failed)


main()
