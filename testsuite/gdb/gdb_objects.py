# SPDX-License-Identifier: GPL-3.0-or-later
"""py-heap whatis and the pretty printers, over live processes."""
import ast
import json
import os
import re
import subprocess

from gdb_test import CORE, DEBUG_BUILD, FREED, HAS_HOOKS, HERE, PLACES, PYTHON, VERSION, WORK, check, gdb, merged


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


def count_of(text, name):
    """How many objects of a type `py-heap types --json' counted."""
    try:
        return sum(t['count'] for t in map(json.loads, text.splitlines()) if t['type'] == name)
    except ValueError:
        return -1


def check_stuck():
    """A process that is stopped in the collector, whose lists are in disorder then, and in malloc, with a lock held."""
    dump = os.path.join(WORK, 'stuck.pyheap')
    program = ['--args', PYTHON, os.path.join(HERE, 'stuck.py')]
    # without debug symbols the collector's functions have no names: only malloc is stopped in then
    named = not gdb(['run', 'info address visit_decref'], program)[1].startswith('ERROR')
    collector = ['tbreak visit_decref', 'continue', 'py-bt', 'py-heap types --json', 'continue']
    commands = ['run'] + (collector if named else ['continue'] + ['echo'] * 4) + [
        'tbreak malloc', 'continue', 'py-bt', 'bt', 'py-heap dump ' + dump, 'py-print lock', 'py-heap types --json', 'continue', 'py-bt']
    out = gdb(commands, program, before=['set breakpoint pending on'])
    if named:
        check('in the collector: stopped there', 'visit_decref' in out[2], out[2])
        check('in the collector: the stack', 'in collect\n' in out[3] and 'in <module>\n' in out[3], out[3])
        check('in the collector: the heap', count_of(out[4], 'Node') == 5000, out[4][:500])
    else:
        print('(no symbol of the collector here)')
    check('in malloc: stopped there', 'malloc' in out[7], out[7])
    check('in malloc: the stack', 'in allocate\n' in out[8] or 'in <module>\n' in out[8], out[8])
    check('in malloc: bt', re.search(r'^#0 .*malloc', out[9], re.M) and merged(out[9]), out[9])
    check('in malloc: a dump', os.path.exists(dump) and 'Wrote' not in out[10], out[10])
    check('a lock that is held', 'locked' in out[11] and 'unlocked' not in out[11] or VERSION < (3,), out[11])
    check('in malloc: the heap', count_of(out[12], 'Node') == 5000, out[12][:500])
    check('it goes on to its end', 'exited normally' in out[13], out[13])
    check('and is gone then', out[14].startswith('ERROR: no process'), out[14])


EVERY = ['py-bt', 'py-bt -a', 'py-bt -b', 'py-bt-full', 'py-exc-print', 'py-exc-print -r', 'py-threads', 'py-up', 'py-down',
         'py-frame', 'py-frame 1', 'py-locals', 'py-list', 'py-print x', 'py-print 0x1234560', 'print $_pyobject(16)',
         'py-heap bt', 'py-heap dump ' + os.path.join(WORK, 'none.pyheap')]


def every_command():
    """Each, and each verb with operands that are no worse than others."""
    out = gdb(["python print([v[:2] for v in __import__('_pyheap').verbs()])"], [])[0]
    verbs = ast.literal_eval(out)
    return EVERY + ['py-heap ' + name + (' 0x1234560' if 'ADDRESS' in usage else ' dict' if 'TYPE' in usage else '')
                    for name, usage in verbs]


def check_every_error():
    """What each command says where there is no Python: one line."""
    commands = every_command()
    states = [('no inferior', [], []), ('no Python', ['run'], ['--args', '/bin/sh', '-c', 'kill -USR1 $$']),
              ('Python not yet initialised', ['starti'], ['--args', PYTHON, '-c', 'pass']),
              ('Python that initialises', ['tbreak PyDict_New', 'run'], ['--args', PYTHON, '-c', 'pass'])]
    for what, before, operands in states:
        out = gdb(before + commands, operands, before=['set breakpoint pending on'])[len(before):]
        for command, text in zip(commands, out):
            check('%s: %s: one line' % (what, command), text.startswith('ERROR: ') and text.count('\n') == 1, text)
    core = os.path.join(WORK, 'cut.core')
    with open(os.path.join(CORE, 'core'), 'rb') as f, open(core, 'wb') as to:
        to.write(f.read(os.path.getsize(f.name) // 2))
    # what is left may be enough to say something
    for command, text in zip(commands, gdb(commands, [PYTHON, core])):
        check('a core cut in half: %s' % command, 'internal error' not in text and
              (text.count('\n') == 1 or not text.startswith('ERROR')), text)
        # what was not read is not said not to be there
        check('a core cut in half: %s: what is not read' % command, not text.startswith('No Python'), text)
    os.unlink(core)
    # memory that cannot be read
    for text in gdb(['py-print 0x10', 'py-heap print 0x10', 'print $_pyobject(0xdeadbeef00)', 'py-print *(long*)0',
                     'py-heap whatis 0xdeadbeef00', 'py-list 5,3', 'py-heap types x', 'py-heap print',
                     'print $_pyobject()', 'py-print "abc"', 'py-heap whatis $nosuch', 'py-heap referents 0x10'], [PYTHON, os.path.join(CORE, 'core')]):
        check('memory that cannot be read: one line', text.count('\n') <= 1 and 'internal error' not in text, text)
        check('what to type is of gdb', ' pyheap ' not in text and 'dump' not in text.lower(), text)
