#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks the pickle of a dump opcode by opcode and holds it to the rules of doc/dump-format.md, section 3.

usage: check_pickle.py [--bound N] DUMP [GT.json]      with the truth: every frame, line and name of a local is there

It builds nothing but its own records: no object of the pickle is ever made.
"""
import email
import json
import pickletools
import sys

OWN = 'pyheapdump._pyheapdump'
GLOBALS = {OWN: {'FakeClass', 'FakeFrame', 'FakeTraceback'}, 'types': {'CodeType', 'ModuleType'},
           '__builtin__': {'type', 'object', 'complex', 'bool', 'bytearray', 'list', 'dict', 'tuple', 'set', 'frozenset', 'int', 'long', 'float',
                           'str', 'unicode'},
           'exceptions': {'BaseException', 'Exception', 'ArithmeticError', 'AssertionError', 'AttributeError', 'EOFError', 'GeneratorExit',
                          'ImportError', 'IndexError', 'KeyError', 'KeyboardInterrupt', 'LookupError', 'MemoryError', 'NameError',
                          'NotImplementedError', 'OSError', 'OverflowError', 'RuntimeError', 'StopIteration', 'SystemExit', 'TypeError',
                          'ValueError', 'ZeroDivisionError'}}
FRAME = {'f_back', 'f_builtins', 'f_code', 'f_exc_traceback', 'f_exc_type', 'f_exc_value', 'f_globals', 'f_lasti', 'f_lineno', 'f_locals',
         'f_restricted', 'f_trace'}
TRACEBACK = {'tb_frame', 'tb_lasti', 'tb_lineno', 'tb_next'}
TOP = {'dump_version', 'files', 'sequence_number', 'pid', 'pathmodule', 'exception_class', 'exception', 'traceback', 'current_thread_id',
       'main_thread_id', 'thread_frames', 'weakly_referenced_objects'}
MARKS = 8     # nested at most so deep, whatever the objects are
HEIGHT = 100  # of tuples that are hashed


class Bad(Exception):
    pass


class V(object):
    """One value: what it is, what it is made of."""

    def __init__(self, kind, data=None, cls=None):
        self.kind, self.data, self.cls = kind, data, cls
        self.attributes = {}
        self.height = 0
        self.hashable = kind not in ('list', 'dict', 'set', 'bytearray')
        if kind in ('tuple', 'frozenset'):
            self.height = 1 + max([v.height for v in data] or [0])
            self.hashable = all(v.hashable for v in data)

    def __repr__(self):
        return '<%s %.80r>' % (self.kind, self.data)


def need(condition, *what):
    if not condition:
        raise Bad(' '.join(str(w)[:200] for w in what))


def root_of(cls):
    while cls.kind == 'class':
        cls = cls.data['base']
    return cls.data


class Machine(object):
    def __init__(self):
        self.stack, self.marks, self.memo, self.made = [], [], {}, 0

    def pop(self):
        need(self.stack and (not self.marks or len(self.stack) > self.marks[-1]), 'pop beyond a mark')
        return self.stack.pop()

    def pop_mark(self):
        need(self.marks, 'no mark')
        n = self.marks.pop()
        items = self.stack[n:]
        del self.stack[n:]
        return items

    def push(self, kind, data=None, cls=None):
        self.stack.append(V(kind, data, cls))

    def set_items(self, target, items):
        need(target.kind == 'dict' or (target.kind == 'instance' and root_of(target.cls) == ('__builtin__', 'dict')), 'items of', target)
        need(len(items) % 2 == 0, 'a key without value')
        d = target.data if target.kind == 'dict' else target.attributes.setdefault('', {})
        for k, v in zip(items[::2], items[1::2]):
            need(k.hashable and k.height <= HEIGHT, 'a key that cannot be hashed:', k)
            need(not (k.kind in ('str', 'unicode') and k.data == '__builtins__'), '__builtins__ is a key')
            if k.kind in ('str', 'unicode', 'bytes'):
                text = k.data.decode('latin-1') if isinstance(k.data, bytes) else k.data
                need(text not in d, 'two keys that are equal in Python 2:', text)
                d[text] = v
            else:
                d[k] = v

    def reduce(self):
        args, f = self.pop(), self.pop()
        need(args.kind == 'tuple', 'REDUCE without a tuple')
        kinds = [a.kind for a in args.data]
        if f.kind == 'class' or (f.kind == 'global' and f.data[0] == 'exceptions'):
            need(root_of(f) in (('__builtin__', 'set'), ('__builtin__', 'frozenset')), 'a call of', f)
            need(kinds == ['list'], 'a set of', kinds)
            return V('instance', self.items_of_set(args.data[0]), f)
        need(f.kind == 'global', 'a call of', f)
        name = f.data[1]
        if name == 'FakeClass':
            need(kinds == ['str', 'dict'] and not args.data[1].data, 'FakeClass of', kinds)
            return V('fake', args.data[0].data)
        if name == 'CodeType':
            want = ['int'] * 4 + ['str'] + ['tuple'] * 3 + ['str', 'str', 'int', 'str', 'tuple', 'tuple']
            need(kinds == want, 'CodeType of', kinds)
            a = [x.data for x in args.data]
            need(a[4] == 'd\0\0S' and len(a[5]) == 1 and a[5][0].kind == 'none', 'bytecode')
            need(all(n.kind == 'str' for n in a[7]) and a[0] <= len(a[7]), 'names of variables')
            return V('code', {'argcount': a[0], 'varnames': [n.data for n in a[7]], 'file': a[8], 'name': a[9], 'first': a[10]})
        if name == 'ModuleType':
            need(kinds == ['str'], 'ModuleType of', kinds)
            return V('module', args.data[0].data)
        if name == 'type':
            need(kinds == ['str', 'tuple', 'dict'] and len(args.data[1].data) == 1, 'type of', kinds)
            base = args.data[1].data[0]
            need(base.kind == 'class' or (base.kind == 'global' and base.data[1] not in ('object', 'bool', 'complex', 'bytearray', 'type')),
                 'a class derived from', base)
            need(set(args.data[2].data) == {'__module__'}, 'the dict of a class')
            return V('class', {'name': args.data[0].data, 'base': base})
        if name == 'complex':
            need(kinds == ['str'], 'complex of', kinds)
            complex(args.data[0].data)
            return V('complex')
        if name == 'bytearray':
            need(kinds == ['bytes'], 'bytearray of', kinds)
            return V('bytearray')
        need(name in ('set', 'frozenset') and kinds == ['list'], 'a call of', f, 'with', kinds)
        return V(name, self.items_of_set(args.data[0]))

    @staticmethod
    def items_of_set(items):
        for v in items.data:
            need(v.hashable and v.height <= HEIGHT, 'a member of a set that cannot be hashed:', v)
        return items.data

    def newobj(self):
        args, cls = self.pop(), self.pop()
        need(args.kind == 'tuple', 'NEWOBJ without a tuple')
        if cls.kind == 'global' and cls.data[0] == OWN and cls.data[1] in ('FakeFrame', 'FakeTraceback'):
            need(not args.data, 'arguments')
            return V(cls.data[1])
        need(cls.kind == 'class' or (cls.kind == 'global' and cls.data[0] == 'exceptions'), 'an instance of', cls)
        root = root_of(cls)
        value = V('instance', args.data, cls)
        if root[1] in ('tuple', 'int', 'float', 'unicode', 'str'):
            need(len(args.data) == 1, 'arguments of', root)
            need(args.data[0].kind == {'tuple': 'tuple', 'int': 'int', 'float': 'float', 'unicode': 'unicode', 'str': 'bytes'}[root[1]],
                 'an instance of', root, 'from', args.data[0])
            value.height, value.hashable = args.data[0].height, args.data[0].hashable
        else:
            need(not args.data, 'arguments of', root)
            value.hashable = root[1] not in ('list', 'dict')
            if root[1] in ('list',):
                value.data = []
        return value

    def build(self):
        state, target = self.pop(), self.stack[-1]
        need(state.kind in ('dict', 'tuple'), 'a state of', state)
        if target.kind in ('FakeFrame', 'FakeTraceback', 'class'):
            need(state.kind == 'tuple' and len(state.data) == 2 and state.data[0].kind == 'none' and state.data[1].kind == 'dict', 'slots')
            slots = state.data[1].data
            if target.kind == 'class':
                need(root_of(target)[0] != 'exceptions', 'attributes of an exception class')
                need(not any(isinstance(n, str) and n.startswith('__') for n in slots), 'special attributes', list(slots))
            else:
                need(set(slots) == (FRAME if target.kind == 'FakeFrame' else TRACEBACK), 'the slots of', target)
            target.attributes = slots
            return
        need(target.kind in ('instance', 'module', 'fake') and state.kind == 'dict', 'BUILD of', target)
        need(all(isinstance(k, str) for k in state.data), 'names of attributes')
        need(not target.attributes.keys() - {''}, 'a second BUILD of', target)
        if target.kind == 'instance' and root_of(target.cls)[0] == 'exceptions':
            for name, value in state.data.items():
                need(name != 'args' or value.kind == 'tuple', 'args of an exception:', value)
                need(not name.startswith('__') or (name in ('__cause__', '__context__') and value.kind == 'instance'), name, value)
        target.attributes.update(state.data)

    def step(self, name, arg):
        if name in ('BINPUT', 'LONG_BINPUT'):
            need(arg not in self.memo, 'memo number twice', arg)
            self.memo[arg] = self.stack[-1]
            self.made += self.stack[-1].kind not in ('str', 'global', 'FakeFrame', 'FakeTraceback')
        elif name in ('BINGET', 'LONG_BINGET'):
            need(arg in self.memo, 'memo number before its PUT', arg)
            self.stack.append(self.memo[arg])
        elif name == 'GLOBAL':
            module, attribute = arg.split(' ')
            need(attribute in GLOBALS.get(module, ()), 'it imports', arg)
            self.push('global', (module, attribute))
        elif name in ('SHORT_BINSTRING', 'STRING'):
            self.push('str', arg)
        elif name == 'BINSTRING':
            self.push('bytes', arg)
        elif name == 'BINUNICODE':
            self.push('unicode', arg)
        elif name in ('BININT', 'BININT1', 'INT', 'LONG1', 'LONG4'):
            self.push('int', arg)
        elif name == 'BINFLOAT':
            self.push('float', arg)
        elif name == 'NONE':
            self.push('none')
        elif name in ('NEWTRUE', 'NEWFALSE'):
            self.push('bool', name == 'NEWTRUE')
        elif name == 'EMPTY_LIST':
            self.push('list', [])
        elif name == 'EMPTY_DICT':
            self.push('dict', {})
        elif name == 'EMPTY_TUPLE':
            self.push('tuple', [])
        elif name == 'MARK':
            self.marks.append(len(self.stack))
            need(len(self.marks) <= MARKS, 'marks nested', len(self.marks), 'deep')
        elif name in ('TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'):
            items = self.pop_mark() if name == 'TUPLE' else [self.pop() for _ in range(int(name[-1]))][::-1]
            self.push('tuple', items)
        elif name == 'APPENDS':
            items = self.pop_mark()
            target = self.stack[-1]
            need(target.kind == 'list' or (target.kind == 'instance' and root_of(target.cls)[1] == 'list'), 'APPENDS to', target)
            target.data.extend(items)
        elif name == 'SETITEM':
            v, k = self.pop(), self.pop()
            self.set_items(self.stack[-1], [k, v])
        elif name == 'SETITEMS':
            items = self.pop_mark()
            self.set_items(self.stack[-1], items)
        elif name == 'REDUCE':
            self.stack.append(self.reduce())
        elif name == 'NEWOBJ':
            self.stack.append(self.newobj())
        elif name == 'BUILD':
            self.build()
        elif name == 'POP':
            self.pop()
        elif name == 'PROTO':
            need(arg == 2 and not self.stack, 'protocol', arg)
        else:
            raise Bad('an opcode that is not in the rules: ' + name)


def check_frame(frame, depth=0):
    need(frame.kind == 'FakeFrame' and frame.attributes, 'no frame:', frame)
    a = frame.attributes
    need(a['f_back'].kind in ('none', 'FakeFrame') and a['f_code'].kind == 'code', 'f_back, f_code')
    need(a['f_globals'].kind == 'dict' and a['f_locals'].kind in ('dict', 'instance') and a['f_builtins'].kind == 'dict', 'namespaces')
    need(a['f_lineno'].kind == 'int' and a['f_restricted'].data is False, 'f_lineno, f_restricted')
    return {'func': a['f_code'].data['name'], 'file': a['f_code'].data['file'], 'line': a['f_lineno'].data,
            'locals': set(k for k in (a['f_locals'].data or {}) if isinstance(k, str)), 'back': a['f_back']}


def frames_of(frame):
    found = []
    while frame.kind != 'none':
        need(len(found) < 100000, 'frames in a circle')
        found.append(check_frame(frame))
        frame = found[-1]['back']
    return found[::-1]


def traceback_of(tb):
    found = []
    while tb.kind != 'none':
        need(tb.kind == 'FakeTraceback' and len(found) < 100000, 'tracebacks')
        found.append(dict(check_frame(tb.attributes['tb_frame']), line=tb.attributes['tb_lineno'].data))
        tb = tb.attributes['tb_next']
    return found


def walk(data):
    machine = Machine()
    size = 0
    for op, arg, pos in pickletools.genops(data):
        size = pos + 1
        if op.name == 'STOP':
            break
        try:
            machine.step(op.name, arg)
        except Bad as e:
            raise Bad('at %d, %s: %s' % (pos, op.name, e))
    need(size == len(data), 'bytes behind the end')
    need(len(machine.stack) == 1 and not machine.marks, 'the stack at the end:', machine.stack[:5])
    top = machine.stack[0]
    need(top.kind == 'dict' and set(top.data) == TOP, 'the keys of the dict')
    t = top.data
    need(t['dump_version'].data == 2 and t['files'].kind == 'dict', 'dump_version, files')
    need(all(isinstance(k, str) and k.startswith('/') and v.kind == 'bytes' for k, v in t['files'].data.items()), 'files')
    need(t['weakly_referenced_objects'].kind == 'list', 'weakly_referenced_objects')
    return machine, t


def payload(path):
    with open(path, 'rb') as f:
        message = email.message_from_binary_file(f)
    need(message.get_param('type') == 'application/x.python-heapdump', 'the type of the message')
    part = message.get_payload()[0]
    need(part.get_content_type() == 'application/x.python-heapdump', 'the first part is', part.get_content_type())
    for name in ('version', 'pid', 'sys_version_info', 'sys_executable', 'sys_argv', 'sys_path'):
        need(part['X-python-heapdump-' + name], 'no header', name)
    return part.get_payload(decode=True)


def check_thread(frames, truth):
    """As check_report.py: the twin's frame and those where the process died later are not in both."""
    theirs = [f for f in truth['stack_outermost_first'] if f['func'] != '_twin' or not truth['crashing']]
    ours = list(frames)
    if truth['crashing'] and theirs and theirs[-1]['func'] == 'crash':
        while ours and ours[-1]['func'] in ('deep', 'die'):
            ours.pop()
    a, b = [f['func'] for f in ours], [f['func'] for f in theirs]
    need(a == b, 'the stack of', truth.get('name'), a[-8:], 'and not', b[-8:])
    names = 0
    for i, (f, t) in enumerate(zip(ours, theirs)):
        last = truth['crashing'] and i == len(theirs) - 1
        need(f['file'] == t['file'] and (last or f['line'] == t['line']), t['func'], 'stands in', f['file'], f['line'], 'and not', t['line'])
        if isinstance(t['locals'], dict) and not last and t['func'] != '<module>':
            need(not set(t['locals']) - f['locals'], t['func'], 'lacks', set(t['locals']) - f['locals'])
            names += len(t['locals'])
    return len(ours), names


def check_traceback(frames, truth):
    a, b = [(f['func'], f['line']) for f in frames], [(f['func'], f['line']) for f in truth]
    need(a == b, 'the traceback is', a, 'and not', b)
    return len(a)


def main():
    argv = sys.argv[1:]
    bound = 100000
    if argv[0] == '--bound':
        bound, argv = int(argv[1]), argv[2:]
    try:
        machine, top = walk(payload(argv[0]))
        need(machine.made <= bound + 5100 + len(top['files'].data), machine.made, 'objects with a bound of', bound)
        tb = traceback_of(top['traceback'])
        threads = {k.data if isinstance(k, V) else k: frames_of(v) for k, v in top['thread_frames'].data.items()}
        need(tb and threads, 'no traceback or no threads')
        frames = names = 0
        if len(argv) > 1:
            with open(argv[1], encoding='utf-8', errors='surrogatepass') as f:
                gt = json.load(f)
            for t in gt['threads']:
                ident = int(t['ident'], 16)
                need(ident in threads, 'thread', ident, 'is not in', list(threads))
                n, m = check_thread(threads[ident], t)
                frames, names = frames + n, names + m
            if gt.get('exception', {}).get('tb'):
                frames += check_traceback(tb, gt['exception']['tb'])
    except Bad as e:
        print('FAILED: %s: %s' % (argv[0], e))
        return 1
    print('%s: %d objects, %d memo numbers, %d threads, %d frames and %d locals as in the truth' % (
        argv[0], machine.made, len(machine.memo), len(threads), frames, names))
    return 0


if __name__ == '__main__':
    sys.exit(main())
