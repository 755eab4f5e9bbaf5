# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of gdb's commands share; PYTHON CORE-FOLDER SCRATCH are the program's arguments."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

PYTHON, CORE, WORK = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(os.environ['top_builddir'], 'gdb-scripts', 'pyheap-gdb.py')
CHECK_REPORT = os.path.join(HERE, '..', 'cores', 'check_report.py')
PLACES = os.path.join(HERE, 'places.py')
PLAIN = {'PAGER': 'cat', 'TERM': 'dumb', 'LC_ALL': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONIOENCODING': 'utf-8',
         'DEBUGINFOD_URLS': ''}
MARK = '=====mark====='
# nothing that an earlier build worked out
os.environ['XDG_CACHE_HOME'] = os.path.join(WORK, 'cache')
failures = checks = 0
with open(os.path.join(CORE, 'gt.json')) as truth:
    TRUTH = json.load(truth)
VERSION = TRUTH['hexversion'] >> 24, TRUTH['hexversion'] >> 16 & 255
DEBUG_BUILD = bool(TRUTH['py_debug'])
# of a Python in another root, whose cores are looked at and whose processes are attached to
ROOT = None
if os.path.exists(os.path.join(CORE, 'root')):
    with open(os.path.join(CORE, 'root')) as place:
        ROOT = place.read().strip()
OF_ROOT = ['set sysroot ' + ROOT, 'set debug-file-directory %s/usr/lib/debug' % ROOT] if ROOT else []
LIVE = os.path.join(HERE, 'live.py' if VERSION >= (3,) else 'live2.py')
HAS_HOOKS = VERSION >= (3, 6)  # PYTHONMALLOC
FREED = 0xdd, 0xdb  # since late releases of 3.7, before


def check(what, ok, shown=''):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print('FAILED: %s' % what)
        if shown:
            print('    ' + str(shown)[:3000].replace('\n', '\n    '))
    return ok


def gdb(commands, operands, environment=None, before=(), load=True):
    """What each command printed, a list of texts; errors among them."""
    script = os.path.join(WORK, 'commands.gdb')
    with open(script, 'w') as f:
        # errors do not end a script that Python runs
        f.write('set confirm off\nset width 0\nset style enabled off\n')
        f.write('python\nimport gdb\ndef step(command):\n    gdb.write("%s\\n")\n    try:\n        gdb.execute(command)\n'
                '    except gdb.error as e:\n        gdb.write("ERROR: %%s\\n" %% e)\n    gdb.flush()\nend\n' % MARK)
        if load:
            f.write('source %s\n' % SCRIPT)
        for command in commands:
            f.write('python step(%r)\n' % command)
    argv = ['gdb', '-nx', '-batch', '-iex', 'set auto-load no']
    for option in before:
        argv += ['-iex', option]
    p = subprocess.run(argv + ['-x', script] + operands, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, **dict(PLAIN, **(environment or {}))), timeout=120)
    text = p.stdout.decode('utf-8', 'replace')
    parts = text.split(MARK + '\n')[1:]
    errors = p.stderr.decode('utf-8', 'replace')
    check('no traceback of Python from gdb', 'Traceback (most recent call last):\n  File "' not in errors and
          'pyheap_gdb' not in errors, errors)
    check('every command ran', len(parts) == len(commands), text + errors)
    return parts + [''] * (len(commands) - len(parts))


def frame_lines(text):
    return [line.strip() for line in text.splitlines() if line.startswith('  File "')]


NATIVE_LINE = re.compile(r'#\d+ +|    ')
FRAME_LINE = re.compile(r'(?:#\d+ +|    )(\S+) \(.*\) at (.+\.py):(\d+)$')


def merged(text):
    """The Python frames among those that `bt' printed."""
    return [(m.group(2), int(m.group(3)), m.group(1)) for m in map(FRAME_LINE.match, text.splitlines()) if m]


def check_backtrace(what, text, frames):
    """The frame filter: Python's frames, in their places, and none of the interpreter's own between them."""
    want = [(f['file'], f['line'], f['function']) for f in reversed(frames)]
    check(what + ': bt has the Python frames', merged(text) == want, '%s\nbut the frames are %s' % (text, want))
    lines = [line for line in text.splitlines() if NATIVE_LINE.match(line)]
    first = next((i for i, line in enumerate(lines) if FRAME_LINE.match(line)), len(lines))
    last = max([i for i, line in enumerate(lines) if FRAME_LINE.match(line)] or [0])
    between = [line for line in lines[first:last] if not FRAME_LINE.match(line)]
    check(what + ': bt hides the interpreter', not between and first > 0 and 'EvalFrame' not in text, text)
    arguments = {l['name'] for l in frames[-1]['locals'] if l['kind'] == 'argument'} if frames else set()
    check(what + ': bt has arguments', all('%s=' % name in lines[first] for name in arguments), text)


def result():
    """Say how many hold; the exit status."""
    print('%d of %d checks hold' % (checks - failures, checks))
    return 1 if failures or not checks else 0
