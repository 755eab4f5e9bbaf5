# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive gdb and hold what its commands print against core2pyheap, the conformance truth and CPython's own extension.

usage: gdb_commands.py PYTHON CORE-FOLDER SCRATCH      (environment: as testsuite/local.mk sets it)"""
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
LIVE = os.path.join(HERE, 'live.py')
PLACES = os.path.join(HERE, 'places.py')
PLAIN = {'PAGER': 'cat', 'TERM': 'dumb', 'LC_ALL': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONIOENCODING': 'utf-8',
         'DEBUGINFOD_URLS': ''}
MARK = '=====mark====='
failures = checks = 0
VERSION = tuple(int(n) for n in subprocess.run([PYTHON, '-c', 'import sys; print("%d %d" % sys.version_info[:2])'],
                                              stdout=subprocess.PIPE).stdout.split())
DEBUG_BUILD = subprocess.call([PYTHON, '-c', 'import sys; sys.exit(not hasattr(sys, "gettotalrefcount"))']) == 0
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


def without_symbols(report):
    """gdb and libbfd may choose another alias of a native function."""
    for thread in report['threads'] + report['native_threads']:
        if thread['pc']:
            thread['pc']['symbol'] = None
    return report


def frame_lines(text):
    return [line.strip() for line in text.splitlines() if line.startswith('  File "')]


def expected_lines(frames):
    return ['File "%s", line %d, in %s' % (f['file'], f['line'], f['function']) for f in reversed(frames)]


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


def check_core():
    core = os.path.join(CORE, 'core')
    dump = os.path.join(WORK, 'core.pyheap')
    with open(os.path.join(CORE, 'gt.json')) as f:
        place = hex(int(json.load(f)['globals']['G_LIST']['id'], 16) + 16)
    commands = ['py-heap report --json', 'py-bt', 'py-bt -a', 'py-exc-print', 'py-exc-print -r', 'py-heap threads --json', 'py-up',
                'py-locals', 'py-heap exceptions', 'py-heap dump ' + dump, 'py-bt-full', 'py-threads', 'thread apply all py-bt',
                'py-heap types --json', 'bt', 'bt -no-filters', 'bt full', 'bt -frame-arguments none', 'thread apply all bt',
                'python import pyheap_gdb.frames; pyheap_gdb.frames.LOOPS = ()', 'bt -10', 'py-heap whatis --json ' + place]
    out = gdb(commands, [PYTHON, core])
    answer = dict(zip(commands, out))
    reference = subprocess.run([os.environ['CORE2PYHEAP'], '--no-dump', '--report=json', '--redact=none', core, PYTHON],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    want = json.loads(reference.decode('utf-8'))
    try:
        got = json.loads(answer['py-heap report --json'])
    except ValueError as e:
        check('py-heap report --json is JSON: %s' % e, False, answer['py-heap report --json'])
        return
    with open(os.path.join(WORK, 'report.json'), 'w') as f:
        json.dump(got, f)
    p = subprocess.run([sys.executable, CHECK_REPORT, os.path.join(WORK, 'report.json'), os.path.join(CORE, 'gt.json')],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check('the report of gdb agrees with the truth', p.returncode == 0, p.stdout.decode())
    check('the report of gdb is that of core2pyheap', without_symbols(got) == without_symbols(want))
    check('gdb names the native place', all(t['pc'] and t['pc']['symbol'] is None for t in got['threads']))
    thread = want['threads'][0]
    check('py-bt is the stack of the crashed thread', frame_lines(answer['py-bt']) == expected_lines(thread['frames']),
          answer['py-bt'])
    check('py-bt -a has every thread', len(frame_lines(answer['py-bt -a'])) == sum(len(t['frames']) for t in want['threads']))
    check('thread apply all py-bt has every thread', len(frame_lines(answer['thread apply all py-bt'])) ==
          sum(len(t['frames']) for t in want['threads']), answer['thread apply all py-bt'])
    check('py-bt-full has locals', len(answer['py-bt-full'].splitlines()) > len(answer['py-bt'].splitlines()) + 5)
    e = thread['exception']
    check('py-exc-print ends with the exception', re.search(r'^%s(:|$)' % re.escape(e['type']), answer['py-exc-print'], re.M) and
          all('%s = ' % l['name'] in re.sub(' +', ' ', answer['py-exc-print'])
              for f in e['traceback'] for l in f['locals']), answer['py-exc-print'])
    check('py-exc-print -r says that there is none', answer['py-exc-print -r'].startswith('No exception is being raised'),
          answer['py-exc-print -r'])
    check('py-threads marks the crashed thread', re.search(r'^\* Thread MainThread .*crashed', answer['py-threads'], re.M),
          answer['py-threads'])
    check_backtrace('core', answer['bt'], thread['frames'])
    check('bt -no-filters is native', 'EvalFrame' in answer['bt -no-filters'] and not merged(answer['bt -no-filters']))
    shown = [l for l in thread['frames'][-2]['locals'] if l['kind'] == 'local' and len(l['repr']) < 100]
    check('bt full has locals', merged(answer['bt full']) == merged(answer['bt']) and
          all('%s = %s\n' % (l['name'], l['repr']) in answer['bt full'] for l in shown), '%s\n%s' % (shown, answer['bt full']))
    check('bt -frame-arguments', '=...' in answer['bt -frame-arguments none'], answer['bt -frame-arguments none'])
    every = [(f['file'], f['line'], f['function']) for t in want['threads'] for f in t['frames']]
    check('thread apply all bt has every thread', sorted(every) == sorted(merged(answer['thread apply all bt'])),
          answer['thread apply all bt'])
    check('bt without a symbol of the loop', merged(answer['bt -10']) and
          merged(answer['bt -10']) == merged(answer['bt'])[-len(merged(answer['bt -10'])):], answer['bt -10'])
    frame = thread['frames'][-2]
    check('py-up selects the caller', answer['py-up'].startswith('#1  File "%s", line %d, in %s\n' % (
        frame['file'], frame['line'], frame['function'])), answer['py-up'])
    check('py-locals has its variables', [l['name'] for l in frame['locals']] ==
          [line.split(' = ')[0] for line in answer['py-locals'].splitlines()], answer['py-locals'])
    text = subprocess.run([os.environ['PYHEAP'], 'whatis', '--json', dump, place], stdout=subprocess.PIPE).stdout.decode()
    try:
        here, there = json.loads(answer['py-heap whatis --json ' + place]), json.loads(text)
        check('whatis: core and dump know the object', here['object'] and here['object']['type'] == 'list' and
              here['offset'] == there['offset'] == 16 and all(here['object'][k] == there['object'][k]
                                                              for k in ('address', 'type', 'size', 'refcount')), [here, there])
    except ValueError:
        check('whatis prints JSON', False, text + answer['py-heap whatis --json ' + place])
    text = subprocess.run([os.environ['PYHEAP'], 'report', '--format=signature', dump], stdout=subprocess.PIPE).stdout.decode()
    types = subprocess.run([os.environ['PYHEAP'], 'types', '--json', dump], stdout=subprocess.PIPE).stdout.decode('utf-8')
    check('py-heap types counts what the dump has', len(types.splitlines()) > 100 and types == answer['py-heap types --json'],
          types[:500] + '...\n' + answer['py-heap types --json'][:500])
    check('py-heap dump wrote a dump', text.startswith('1:%s' % want['signature']['hash'][:8]), text)


def check_libpython():
    """CPython's own extension, where it works: its py-bt stays, and ours says the same."""
    real = os.path.realpath(PYTHON)
    for extension in (real + '-gdb.py', '/usr/share/gdb/auto-load' + real + '-gdb.py'):
        if os.path.exists(extension):
            break
    else:
        print('(no libpython.py for this version)')
        return
    theirs, ours = gdb(['py-bt', 'py-heap bt'], [PYTHON, os.path.join(CORE, 'core')], before=['source ' + extension])
    lines = frame_lines(theirs)
    if len(lines) < 2:
        print('(libpython.py finds no frames here)')
        return
    same = [a == b or ', line ?, ' in a for a, b in zip(lines, frame_lines(ours))]
    check('py-bt of libpython.py has the same frames', len(lines) == len(frame_lines(ours)) and all(same), theirs + ours)
    check('py-bt of libpython.py was left alone', '<built-in method' in theirs, theirs)


def stripped_copy():
    """(program, environment) of a copy without any symbols but the dynamic ones; None where that cannot be made."""
    folder = os.path.join(WORK, 'stripped')
    os.mkdir(folder)
    real = os.path.realpath(PYTHON)
    code = 'import sys, sysconfig; print(sys.prefix); print(sysconfig.get_config_var("LIBDIR")); ' \
           'print(sysconfig.get_config_var("INSTSONAME"))'
    prefix, libdir, library = subprocess.run([PYTHON, '-c', code], stdout=subprocess.PIPE).stdout.decode().split('\n')[:3]
    copies = [real] + [p for p in [os.path.join(libdir, library)] if '.so' in library and os.path.exists(p)]
    for path in copies:
        copy = os.path.join(folder, os.path.basename(path))
        shutil.copy(path, copy)
        os.chmod(copy, 0o755)
        if not shutil.which('strip') or subprocess.call(['strip', '--strip-all', copy]):
            return None
    return os.path.join(folder, os.path.basename(real)), {'PYTHONHOME': prefix, 'LD_LIBRARY_PATH': folder}


def check_live(program, environment, what):
    """Stops of a process that gdb runs: what is printed is what is there at that stop."""
    core, dump = os.path.join(WORK, 'live.core'), os.path.join(WORK, 'live.pyheap')
    commands = ['run', 'py-up', 'py-print phase', 'continue', 'py-heap print --json phase'.replace('phase', 'text'), 'py-frame 1',
                'py-print phase', 'continue', 'continue', 'py-exc-print', 'py-bt', 'thread apply all py-bt', 'py-print len',
                'py-print numbers', 'bt', 'thread apply all bt', 'py-heap dump ' + dump, 'py-heap report --json', 'generate-core-file ' + core, 'py-heap types --json',
                'continue', 'py-bt']
    settings = ['set environment %s %s' % item for item in environment.items()] + ['set startup-with-shell off']
    out = gdb(commands, ['--args', program, LIVE], before=settings)
    check(what + ': the first stop', 'in phases' in out[1], '\n'.join(out[:3]))
    check(what + ': a local at the first stop', "local 'phase' = 1000\n" in out[2], out[2])
    check(what + ': a name whose frame is not selected any more is not found', 'ERROR' in out[4], out[4])
    check(what + ': the local at the next stop, nothing stale', "local 'phase' = 1001\n" in out[6], out[6])
    check(what + ': the exception and its cause', "KeyError: 'missing key'\n" in out[9] and "direct cause" in out[9] and
          "ValueError: ('outer', 'h\xe9llo')\n" in out[9] and re.search(r"^ +text += 'h\xe9llo'$", out[9], re.M), out[9])
    functions = [line.rsplit(' ', 1)[1] for line in frame_lines(out[10])]
    check(what + ': the stack', functions == ['stop', 'phases', '<module>'], out[10])
    check(what + ': the other thread', 'in worker' in out[11], out[11])
    check(what + ': a builtin', out[12] == "builtin 'len' = <built-in function len>\n", out[12])
    check(what + ': a global', out[13] == "global 'numbers' = {'one': 1}\n", out[13])
    check(what + ': the process goes on to its end', 'exited normally' in out[20], out[20])
    check(what + ': no process, one line', out[21].startswith('ERROR: no process'), out[21])
    types = {t['type']: t['count'] for t in map(json.loads, out[19].splitlines())}
    check(what + ': the heap of a live process', types.get('dict', 0) > 100 and types.get('Thread') == 1, out[19])
    report = subprocess.run([os.environ['PYHEAP'], 'report', dump], stdout=subprocess.PIPE).stdout.decode('utf-8')
    check(what + ': the dump is redacted', 'hunter2-live' not in report and 'password' in report, report)
    check(what + ': what gdb prints is not', 'hunter2-live' in out[17])
    try:
        live = json.loads(out[17])
        text = subprocess.run([os.environ['CORE2PYHEAP'], '--no-dump', '--report=json', '--redact=none', core, program],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode('utf-8')
        dead = json.loads(text)
        check(what + ': the live report is that of a core of the same moment',
              [t['frames'] for t in live['threads']] == [t['frames'] for t in dead['threads']] and
              live['signature'] == dead['signature'] and
              [t['exceptions'] for t in live['threads']] == [t['exceptions'] for t in dead['threads']])
        check_backtrace(what, out[14], next(t for t in live['threads'] if t['name'] == 'MainThread')['frames'])
        check(what + ': bt of every thread', len(merged(out[15])) == sum(len(t['frames']) for t in live['threads']), out[15])
        check(what + ': and as complete', live['image']['complete'] and not live['damage'], live['damage'])
    except (ValueError, KeyError) as e:
        check(what + ': reports that can be compared (%s)' % e, False, out[17])


def check_remote():
    """Over gdb's remote protocol: memory, maps and registers come from the other side."""
    if not shutil.which('gdbserver'):
        print('(no gdbserver here)')
        return
    out = gdb(['target remote | gdbserver - %s %s' % (PYTHON, LIVE), 'continue', 'py-bt', 'continue', 'py-up', 'py-print phase',
               'kill'], [PYTHON], before=['set sysroot /'])
    functions = [line.rsplit(' ', 1)[1] for line in frame_lines(out[2])]
    check('remote: the stack', functions == ['stop', 'phases', '<module>'], out[2])
    check('remote: nothing stale', out[5] == "local 'phase' = 1001\n", out[5])


WHATIS = '''python
def whatis(name, offset, word=False):
    address = int(gdb.execute('py-print ' + name, to_string=True).split(' = ')[1].rstrip('L\\n')) + offset
    if word:
        address = int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, 8)), 'little')
    gdb.execute('py-heap whatis --json 0x%x' % address)
end
'''


def check_whatis():
    """Places of a process that knows where its objects are."""
    with open(os.path.join(WORK, 'whatis.gdb'), 'w') as f:
        f.write(WHATIS)
    asked = [('slots_at', 0), ('slots_at', 16), ('slots_at', 24), ('slots_at', -8), ('items_at', 16), ('items_at', 24),
             ('items_at', 24, True), ('row_at', 32), ('list_at', 24), ('freed', 16), ('long_at', 24, True)]
    commands = ['source ' + os.path.join(WORK, 'whatis.gdb'), 'run'] + ['python whatis%r' % (a,) for a in asked]
    others = ['py-heap whatis --json $sp', 'py-heap whatis --json $pc', 'py-heap whatis --json 0xdddddddddddddde5',
              'py-heap whatis --json 0x18', 'py-heap whatis items', 'py-heap whatis --json 0x6f77206f6c6c6568',
              'py-heap whatis nonsense(', 'py-heap whatis']
    out = gdb(commands + others, ['--args', PYTHON, PLACES],
              before=['set environment PYTHONMALLOC pymalloc_debug', 'set environment PYTHONHASHSEED 0'])[2:]
    places = []
    for text in out[:len(asked) + 4] + [out[len(asked) + 5]]:
        try:
            places.append(json.loads(text))
        except ValueError:
            check('py-heap whatis --json prints JSON', False, text)
            return
    (start, first, second, front, size, member, block, item, static, freed, malloced, stack, code, fill, null, text) = places

    def holds(what, place, **wanted):
        got = {k: (place[k] if '__' not in k else (place[k.split('__')[0]] or {}).get(k.split('__')[1])) for k in wanted}
        check('whatis: ' + what, got == wanted, '%s\n%s' % (wanted, place))
    slots = start['address']
    holds('an object', start, object__address=slots, object__type='Slots', offset=0, mapped=True)
    holds('a slot', first, object__address=slots, offset=16, holds_object__repr="['the first']", member="attribute 'first'")
    holds('another slot', second, object__address=slots, holds_object__repr="['the second']", member="attribute 'second'")
    holds('the head of the gc', front, object__address=slots, offset=-8)
    if not DEBUG_BUILD:
        holds('a member of a list', size, object__type='list', member='PyVarObject.ob_size', holds='0x14')
        holds("a list's block", block, object=None, owner__type='list', owner_member='PyListObject.ob_item', owner_index=0,
              holds_object__repr="['item', 0]")
        holds('a static type', static, object__type='type', member='PyTypeObject.tp_name')
        check('whatis: ... in a module', static['section'] == '.data' or static['symbol'], static)
        holds('an item of a tuple', item, object__type='tuple', holds_object__repr="['one']")
        holds('a block of malloc', malloced, object=None, owner__type='list', owner_member='PyListObject.ob_item')
        check("whatis: the list's block in its pool", VERSION < (3,) or block['block'] and block['block']['state'] == 'allocated', block)
    check('whatis: freed memory', freed['block'] and freed['block']['state'] == 'free' and not freed['object'], freed)
    check('whatis: ... what fills it', not HAS_HOOKS or freed['fill'] in FREED and 'freed' in freed['fill_means'], freed)
    check('whatis: a stack', stack['stack'] and stack['stack']['from_stack_pointer'] == 0 and
          stack['stack']['name'] == 'MainThread', stack)
    check('whatis: code', code['file'] and code['symbol'] and code['mapping']['permissions'] == 'r-x', code)
    check('whatis: a pointer from freed memory', not fill['mapped'] and 'freed memory' in fill['number'], fill)
    check('whatis: NULL and an offset', null['number'].startswith('NULL'), null)
    check('whatis: text', 'hello wo' in text['number'], text)
    check('whatis: a name, as text', 'a Python object\n  object   0x' in out[len(asked) + 4], out[len(asked) + 4])
    for answer in out[-2:]:
        check('whatis: an error in one line', answer.startswith('ERROR: ') and answer.count('\n') == 1, answer)


def build_point(flags):
    """The folder of the module, None where it cannot be built."""
    code = 'import sysconfig; print(sysconfig.get_paths()["include"])'
    include = subprocess.run([PYTHON, '-c', code], stdout=subprocess.PIPE).stdout.decode().strip()
    if VERSION < (3, 6) or not os.path.exists(os.path.join(include, 'Python.h')):
        return None
    folder = os.path.join(WORK, 'point%s' % flags)
    os.makedirs(folder)
    command = os.environ.get('CC', 'cc').split() + ['-O0', flags, '-shared', '-fPIC', '-I', include, os.path.join(HERE, 'point.c'), '-o',
                                          os.path.join(folder, 'point.so')]
    return folder if check('point.c compiles', subprocess.call(command) == 0) else None


def check_printers():
    """PyObject * and its kin print as reprs; an unknown type of C with its members, or word by word."""
    folder = build_point('-g')
    if not folder:
        print('(no headers of this version, to compile an extension with)')
        return
    commands = ['run', 'bt', 'frame function point_stop', 'print point', 'print *point', 'print object', 'print (long)type == 0',
                'print type', 'py-print q', 'disable pretty-printer global pyheap', 'print type']
    out = gdb(commands, ['--args', PYTHON, os.path.join(HERE, 'opaque.py'), folder])
    members = r"x = 3, y = 4, label = \['a', 'label'\], handler = 0x[0-9a-f]+ <point_origin>\}\n$"
    whole = r'= <point\.Point object at 0x[0-9a-f]+> = \{' + members
    check('printer: of a kin of PyObject', re.search(whole, out[3]), out[3])
    check('printer: a struct stays one', re.search(r"ob_type = <class 'point\.Point'>\}.*" + members, out[4]), out[4])
    check("printer: an unknown type through gdb's own", re.search(whole, out[5]), out[5])
    check('printer: a known type', out[7].endswith("= <class 'point.Point'>\n"), out[7])
    check('py-print: a subclass in Python of an unknown type', 'Sub object at' in out[8] and '  x = 5\n' in out[8] and
          "  label = 'sub'\n" in out[8], out[8])
    check('printer: disabled', '0x' in out[10] and 'class' not in out[10], out[10])
    check_merged = merged(out[1])
    check('bt: native frames of extensions stay', 'point_stop' in out[1] and [m[2] for m in check_merged] == ['outer', '<module>'] and
          "outer (numbers=[1, 2], name='h\xe9')" in out[1], out[1])
    folder = build_point('-s')
    out = gdb(['run', 'py-print p'], ['--args', PYTHON, os.path.join(HERE, 'opaque.py'), folder])
    words = re.search(r"\+0x10 = 0x3\n.*\+0x18 = 0x4\n.*\+0x20 = \['a', 'label'\]\n.*\+0x28 = 0x[0-9a-f]+", out[1], re.S)
    check('py-print: word by word without debug information', words or DEBUG_BUILD, out[1])


def check_attach():
    """Attached, looked at, dumped, let go: it still runs."""
    p = subprocess.Popen([PYTHON, LIVE, 'sleep'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        p.stdout.readline()
        time.sleep(0.2)
        out = gdb(['py-bt -a', 'py-heap dump ' + os.path.join(WORK, 'attached.pyheap'), 'detach'], ['-p', str(p.pid)])
        if 'ptrace: Operation not permitted' in ''.join(out):
            print('(may not attach here)')
            return
        check('attached: both threads', 'in worker' in out[0] and 'in <module>' in out[0], out[0])
        check('attached: a dump', os.path.exists(os.path.join(WORK, 'attached.pyheap')), out[1])
        time.sleep(0.2)
        with open('/proc/%d/stat' % p.pid) as f:
            state = f.read().rsplit(')', 1)[1].split()[0]
        check('attached: it runs on after detach', p.poll() is None and state in 'SR', state)
    finally:
        p.kill()
        p.wait()


def check_errors():
    out = gdb(['py-bt', 'py-heap nonsense', 'py-heap report --nonsense', 'py-frame x', 'py-exc-print -z', 'help py-heap report',
               'complete py-exc-print -', 'complete py-heap rep', 'complete py-heap report --f', 'source ' + SCRIPT], [])
    for i, text in enumerate(out[:5]):
        check('an error in one line: %r' % text, text.startswith('ERROR: ') and text.count('\n') == 1, text)
    check('help has the usage', 'Usage: py-heap report [--json' in out[5], out[5])
    check('options are completed', out[6] == 'py-exc-print -a\npy-exc-print -r\n', out[6])
    check('verbs are completed', out[7] == 'py-heap report\n', out[7])
    check('options of verbs are completed', out[8] == 'py-heap report --format\n', out[8])
    out = gdb(['run', 'py-bt', 'py-exc-print'], ['--args', '/bin/sh', '-c', 'kill -USR1 $$'])
    check('a process without Python: one line', out[1].startswith('ERROR: ') and out[1].count('\n') == 1, out[1])
    # before Py_Initialize()
    out = gdb(['starti', 'py-bt', 'kill'], ['--args', PYTHON, '-c', 'pass'])
    check('a Python that has not begun: one line', out[1].startswith('ERROR: ') and out[1].count('\n') == 1, out[1])
    with open(os.path.join(CORE, 'core'), 'rb') as f:
        half = f.read(os.path.getsize(f.name) // 2)
    with open(os.path.join(WORK, 'half.core'), 'wb') as f:
        f.write(half)
    out = gdb(['py-heap report'], [PYTHON, os.path.join(WORK, 'half.core')])
    check('a core cut in half: a report that says so', 'The image is incomplete' in out[0] or out[0].startswith('ERROR: '), out[0])


def check_auto_load():
    """The loader that make install puts beside a Python, and that it leaves another package's alone."""
    folder = os.path.join(WORK, 'auto-load')
    # beside the real one there may be CPython's
    python = os.path.join(os.path.realpath(WORK), 'python')
    shutil.copy(os.path.realpath(PYTHON), python)
    other = folder + '/usr/bin/theirs-gdb.py'
    os.makedirs(os.path.dirname(other))
    with open(other, 'w') as f:
        f.write('# theirs\n')
    command = [os.path.join(HERE, '..', '..', 'gdb-scripts', 'auto-load')]
    environment = dict(os.environ, DESTDIR='')
    p = subprocess.run(command + ['install', folder, SCRIPT, python, '/usr/bin/theirs'], env=environment, stderr=subprocess.PIPE)
    check('the loader is installed', p.returncode == 0 and b'stays' in p.stderr, p.stderr.decode())
    out = gdb(['py-bt'], [python, os.path.join(CORE, 'core')], load=False,
              before=['set auto-load scripts-directory ' + folder, 'add-auto-load-safe-path ' + WORK, 'set auto-load on',
                      'set auto-load python-scripts on'])
    check('gdb loads it by itself', len(frame_lines(out[0])) > 5, out[0])
    subprocess.run(command + ['uninstall', folder, SCRIPT], env=environment)
    left = [os.path.join(d, n) for d, _, names in os.walk(folder) for n in names]
    check('only ours is uninstalled', left == [other], left)


def check_module():
    """One file for every gdb: no libbfd, no libpython."""
    module = os.path.join(os.environ['top_builddir'], 'gdb-scripts', '.libs', '_pyheap.so')
    needed = subprocess.run(['ldd', module], stdout=subprocess.PIPE).stdout.decode()
    check('the module links no libbfd and no libpython', 'libbfd' not in needed and 'libpython' not in needed, needed)
    symbols = subprocess.run(['nm', '-D', module], stdout=subprocess.PIPE).stdout.decode()
    check('nothing of libbfd in it', not re.search(r'\bbfd_', symbols), symbols)
    check('it shows but its init function', re.findall(r' [TDB] (\w+)', symbols) == ['PyInit__pyheap'], symbols)


check_module()
check_core()
check_libpython()
check_auto_load()
check_live(PYTHON, {}, 'live')
stripped = stripped_copy()
if stripped:
    check_live(stripped[0], stripped[1], 'stripped')
check_whatis()
check_printers()
check_attach()
check_remote()
check_errors()
print('%d of %d checks hold' % (checks - failures, checks))
sys.exit(1 if failures else 0)
