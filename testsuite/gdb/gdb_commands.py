# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive gdb and hold what its commands print against core2pyheap, the conformance truth and CPython's own extension.

usage: gdb_commands.py PYTHON CORE-FOLDER SCRATCH      (environment: as testsuite/local.mk sets it)"""
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import gdb_objects
from gdb_test import (CHECK_REPORT, CORE, HERE, LIVE, OF_ROOT, PYTHON, ROOT, SCRIPT, TRUTH, VERSION, WORK, check, check_backtrace,
                      frame_lines, gdb, merged, result)


def without_symbols(report):
    """gdb and libbfd may choose another alias of a native function."""
    for thread in report['threads'] + report['native_threads']:
        if thread['pc']:
            thread['pc']['symbol'] = None
    return report


VERBS = ['find --json __main__.Plain', 'types --json --limit=5', 'garbage --json', 'roots --json --kind=thread']


def expected_lines(frames):
    return ['File "%s", line %d, in %s' % (f['file'], f['line'], f['function']) for f in reversed(frames)]


def check_core():
    core = os.path.join(CORE, 'core')
    dump = os.path.join(WORK, 'core.pyheap')
    place = hex(int(TRUTH['globals']['G_LIST']['id'], 16) + 16)
    commands = ['py-heap report --json', 'py-bt', 'py-bt -a', 'py-exc-print', 'py-exc-print -r', 'py-heap threads --json', 'py-up',
                'py-locals', 'py-heap exceptions', 'py-heap dump ' + dump, 'py-bt-full', 'py-threads', 'thread apply all py-bt',
                'py-heap types --json', 'bt', 'bt -no-filters', 'bt full', 'bt -frame-arguments none', 'thread apply all bt',
                "python print(__import__('pyheap_gdb.target').target.current().type_names())", 'complete py-heap types --sort=',
                'complete py-heap find __main__.Pla'] + [
                    'py-heap ' + verb for verb in VERBS] + [
                'python import pyheap_gdb.frames; pyheap_gdb.frames.LOOPS = ()', 'bt -10', 'py-heap whatis --json ' + place]
    out = gdb(commands, [PYTHON, core], before=OF_ROOT)
    answer = dict(zip(commands, out))
    reference = subprocess.run([os.environ['CORE2PYHEAP'], '--no-dump', '--report=json', '--redact=none', core] +
                               (['--sysroot=' + ROOT] if ROOT else [PYTHON]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
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
    names = answer["python print(__import__('pyheap_gdb.target').target.current().type_names())"]
    check('names of types, to complete', all("'%s'" % name in names for name in ('dict', 'ValueError', '__main__.Plain')), names)
    check('choices of an option are completed', answer['complete py-heap types --sort='].splitlines() == [
        'py-heap types --sort=' + order for order in ('count', 'held', 'name', 'retained', 'size')],
          answer['complete py-heap types --sort='])
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
    for verb in VERBS:
        words = verb.split()
        text = subprocess.run([os.environ['PYHEAP'], words[0], dump] + words[1:], stdout=subprocess.PIPE).stdout.decode('utf-8')
        check('py-heap %s is what pyheap says of the dump' % verb, text and text == answer['py-heap ' + verb],
              '\n'.join(list(difflib.unified_diff(text.splitlines(), answer['py-heap ' + verb].splitlines(), n=0))[:20]))
    check('names of types are completed', answer['complete py-heap find __main__.Pla'] == 'py-heap find __main__.Plain\n',
          answer['complete py-heap find __main__.Pla'])
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
    """CPython's own extension, where it works: its py-bt stays, and ours says the same, line by line."""
    real = os.path.realpath(PYTHON)
    for extension in (real + '-gdb.py', '%s/usr/share/gdb/auto-load%s-gdb.py' % (ROOT or '', real[len(os.path.realpath(ROOT)) if ROOT else 0:])):
        if os.path.exists(extension):
            break
    else:
        print('(no libpython.py for this version)')
        return
    theirs, ours, text = gdb(['py-bt', 'py-heap bt -b', 'help py-bt'], [PYTHON, os.path.join(CORE, 'core')],
                             before=OF_ROOT + ['source ' + extension])
    check('py-bt of libpython.py was left alone', 'Usage: py-bt' not in text, text)
    later = gdb(['source ' + extension, 'py-bt', 'py-heap bt -b'], [PYTHON, os.path.join(CORE, 'core')], before=OF_ROOT)
    check('libpython.py may come later too', later[1:] == [theirs, ours], later)
    lines = theirs.splitlines()
    if len(frame_lines(theirs)) < 2:
        print('(libpython.py finds no frames here)')
        return
    # what it cannot tell, ours can; ours has built-in functions also where it looks for other names
    unknown = re.compile(r', line \?, ')
    theirs_known = [line for i, line in enumerate(lines) if not unknown.search(line) and not (i and unknown.search(lines[i - 1]))]
    rest = iter(ours.splitlines())
    missing = [line for line in theirs_known if line not in rest]
    check('py-bt of libpython.py has no line that ours lacks, in the same order', not missing,
          '%s\n%s\n%s' % ('\n'.join(missing), theirs, ours))
    known = set(lines)
    more = [line for line in ours.splitlines() if line not in known and not line.startswith('  <built-in ')]
    check('and ours has no other', len(more) <= 2 * len([line for line in lines if unknown.search(line)]), more)
    check('the same number of frames', len(frame_lines(theirs)) == len(frame_lines(ours)), theirs + ours)


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
    text, cause = ('h\xe9llo', "KeyError: 'missing key'\n") if VERSION >= (3,) else ('hello', '')
    check(what + ': the exception and its cause', cause in out[9] and (not cause or 'direct cause' in out[9]) and
          "ValueError: ('outer', '%s')\n" % text in out[9] and re.search(r"^ +text += '%s'$" % text, out[9], re.M), out[9])
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


ENTER = {
    'chroot': 'exec env -i PATH=/usr/bin:/bin LANG=C.UTF-8 unshare -R "$2" "$3" /gt/%s sleep',
    # as a container's: the names of its files say nothing of where we see them
    'container': 'mount --rbind "$2" "$2"; cd "$2"; pivot_root . .; cd /; '
                 'exec env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "$3" /gt/%s sleep',
}


def check_container(kind):
    """A process in a root of its own: its modules are those of /proc/PID/root."""
    script = 'mount --bind "$1" "$2/gt"; mount -t proc proc "$2/proc"; mount -t tmpfs tmpfs "$2/dev"; ' \
             'mknod -m 666 "$2/dev/null" c 1 3; ' + ENTER[kind] % os.path.basename(LIVE)
    root = os.path.realpath(ROOT)
    p = subprocess.Popen(['unshare', '-m', '--propagation', 'private', 'sh', '-euc', script, 'sh', HERE, root, PYTHON[len(ROOT):]],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        if not check(kind + ': a process in its own root starts', p.stdout.readline() == b'ready\n'):
            return
        time.sleep(0.2)
        dump = os.path.join(WORK, kind + '.pyheap')
        out = gdb(['py-bt -a', 'py-heap report --json', 'bt', 'py-heap dump ' + dump, 'detach'], ['-p', str(p.pid)])
        check(kind + ': both threads', 'in worker' in out[0] and 'in <module>' in out[0], out[0])
        try:
            report = json.loads(out[1])
            modules = [t['pc']['module'] for t in report['threads'] if t['pc']]
            check(kind + ': modules as the process names them', modules and all(m.startswith('/usr/lib') for m in modules), modules)
            check(kind + ': nothing is missing', report['image']['complete'] and not report['damage'], report['damage'])
            check_backtrace(kind, out[2], next(t for t in report['threads'] if t['name'] == 'MainThread')['frames'])
        except ValueError:
            check(kind + ': a report', False, out[1])
        modules = subprocess.run(['unzip', '-p', dump, 'modules.json'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        python = [m for m in json.loads(modules.decode())['modules'] if m['path'] == os.path.realpath(PYTHON)[len(root):]]
        check(kind + ': the program itself was found in its root', python and not python[0]['why_not'], modules)
        time.sleep(0.2)
        check(kind + ': it runs on after detach', p.poll() is None)
    finally:
        p.kill()
        p.wait()


def check_remote():
    """Over gdb's remote protocol: memory, maps and registers come from the other side."""
    if not shutil.which('gdbserver'):
        print('(no gdbserver here)')
        return
    out = gdb(['target remote | gdbserver - %s %s' % (PYTHON, LIVE), 'continue', 'py-bt', 'continue', 'py-up', 'py-print phase',
               'kill'], [PYTHON], before=['set sysroot /'])
    functions = [line.rsplit(' ', 1)[1] for line in frame_lines(out[2])]
    check('remote: the stack', functions == ['stop', 'phases', '<module>'], out[2])
    check('remote: nothing stale', out[5] == "local 'phase' = 1001\n", ''.join(out))


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
    check('options of verbs are completed', out[8] == 'py-heap report --format=\n', out[8])


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
if ROOT:
    for kind in sorted(ENTER):
        check_container(kind)
else:
    check_auto_load()
    check_live(PYTHON, {}, 'live')
    stripped = stripped_copy()
    if stripped:
        check_live(stripped[0], stripped[1], 'stripped')
    gdb_objects.check_whatis()
    gdb_objects.check_printers()
    gdb_objects.check_stuck()
    gdb_objects.check_every_error()
    check_attach()
    check_remote()
    check_errors()
sys.exit(result())
