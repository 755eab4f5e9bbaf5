#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""gdb on a pseudo-terminal: completion with Tab, the pager, colour, Ctrl-C."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP, BUILD = os.environ['top_srcdir'], os.environ['top_builddir']
SCRIPT = os.path.join(BUILD, 'gdb-scripts', 'pyheap-gdb.py')
failures = checks = 0


def skip(why):
    print('skipped: ' + why)
    sys.exit(77)


def check(what, ok, shown=''):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print('FAILED: %s\n    %r' % (what, shown[-2000:]))


def find_core():
    for version in ('system', '3.11', '3.12', '3.13', '3.10', '3.9', '3.8'):
        p = subprocess.run([os.path.join(TOP, 'testsuite/cores/get-core'), version, 'abort'], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL)
        if p.returncode == 0:
            folder = p.stdout.decode().strip()
            return os.path.join(folder, 'core'), open(os.path.join(folder, 'python')).read().strip()
    skip('no Python here')


class Terminal:
    def __init__(self, argv, environment):
        self.text = ''
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execvpe(argv[0], argv, environment)

    def expect(self, pattern, seconds=30):
        """What came up to the pattern and with it, '' when it does not come."""
        end = time.time() + seconds
        while time.time() < end:
            m = re.search(pattern, self.text)
            if m:
                found, self.text = self.text[:m.end()], self.text[m.end():]
                return found
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode('utf-8', 'replace')
                except OSError:
                    break
        print('not seen: %s' % pattern)
        return ''

    def send(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


if not shutil.which('gdb') or not os.path.exists(SCRIPT):
    skip('no gdb here, or its module was not built')
core, python = find_core()
home = tempfile.mkdtemp()
environment = dict(os.environ, TERM='xterm', HOME=home, LC_ALL='C.UTF-8', INPUTRC='/dev/null', DEBUGINFOD_URLS='')
environment.pop('NO_COLOR', None)
t = Terminal(['gdb', '-nx', '-q', '-iex', 'set auto-load no', '-iex', 'set pagination off', '-iex', 'set width 100', '-ex',
              'source ' + SCRIPT, python, core], environment)
PROMPT = r'\(gdb\) (\x1b\[\?2004h)?$'
try:
    t.expect(PROMPT)
    t.send('set style enabled off\n')
    t.expect(PROMPT)
    t.send('py-heap exc\t')
    check('a verb is completed', t.expect(r'py-heap exc\S*eptions|py-heap exc'))
    t.send('\x15py-exc-p\t\n')
    seen = t.expect(r'ValueError: [^\n]*\n(.|\n)*' + PROMPT)
    check('a command is completed, and runs', 'Traceback (most recent call last)' in seen, seen)
    check('no colour when styling is off', '\x1b[1m' not in seen and '\x1b[36m' not in seen, seen)
    t.send('py-heap report --f\t')
    check('an option is completed', t.expect('--format'))
    t.send('\x15set style enabled on\n')
    t.expect(PROMPT)
    t.send('py-bt\n')
    seen = t.expect(r'<module>(.|\n)*' + PROMPT)
    check('colour when it is on', '\x1b[1m' in seen, seen)
    t.send('set pagination on\n')
    t.expect(PROMPT)
    t.send('set height 10\n')
    t.expect(PROMPT)
    t.send('py-heap report\n')
    seen = t.expect(r'--Type <RET>')
    check("gdb's pager holds the output", 0 < seen.count('\n') < 14, seen)
    t.send('q\n')
    seen = t.expect(PROMPT)
    check('q ends it without a traceback of Python', seen and 'pyheap_gdb' not in seen and 'internal error' not in seen, seen)
    t.send('py-heap export\n')
    seen = t.expect(r'--Type <RET>', 60)
    t.send('\x03')
    seen = t.expect(PROMPT)
    check('Ctrl-C ends it without a traceback of Python', seen and 'pyheap_gdb' not in seen and 'internal error' not in seen, seen)
    # at once, or in the midst of the walk over the heap
    for command in ('py-heap types', 'py-heap whatis $sp', 'py-heap dump ' + os.path.join(home, 'x.pyheap')):
        t.send('set height 0\n')
        t.expect(PROMPT)
        t.send(command + '\n')
        t.send('\x03')
        seen = t.expect(PROMPT, 15)
        if not seen:
            # it came while the prompt was written, and its echo stands behind that
            t.send('\n')
            seen = t.expect(PROMPT, 15)
        check('Ctrl-C ends %s' % command, seen and 'pyheap_gdb' not in seen and 'internal error' not in seen, seen)
    t.send('py-bt\n')
    check('and the next command works', t.expect(r'Traceback \(most recent call first\)'))
finally:
    t.close()
    shutil.rmtree(home)
print('%d of %d checks hold' % (checks - failures, checks))
sys.exit(1 if failures or not checks else 0)
