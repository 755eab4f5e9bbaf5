# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Ground-truth writer, Python 2.7 and 3.5 .. 3.15, CPython and PyPy.
# Imported and run ONLY in a forked copy of the dying process (same addresses,
# so every id() holds for the core; nothing written here disturbs the parent).
from __future__ import print_function
import sys, os, gc, json, traceback, types, itertools

PY2 = sys.version_info[0] == 2
PYPY = hasattr(sys, 'pypy_version_info')
BIG = 200          # containers longer than this get no full repr
if PY2:
    text = unicode   # noqa
    long_ = long     # noqa
    INT = (int, long)  # noqa
else:
    text = str
    INT = (int,)

# gc.get_referents crashed on some object in the 3.13 alpha free-threaded build: only containers there
SAFE = not hasattr(sys, '_is_gil_enabled') or sys.version_info[3] != 'alpha'
HERE = os.path.abspath(__file__).replace('.pyc', '.py')


def hx(o):
    return hex(id(o)).rstrip('L')


def qual(t):
    try:
        m = t.__module__
        n = getattr(t, '__qualname__', None) or t.__name__
        if not isinstance(m, str) or m in ('builtins', '__builtin__'):
            return n
        return m + '.' + n
    except Exception:
        return '?'


def rtype(o):            # real type, py2 classic instances say 'instance'
    return type(o)


def srepr(o, n=400):
    try:
        ln = len(o) if isinstance(o, (list, tuple, dict, set, frozenset, str, bytes, bytearray, text)) else 0
        if ln > 20000:
            return '<%s of len %d, repr skipped>' % (qual(type(o)), ln)
        if ln > BIG and isinstance(o, (list, tuple, set, frozenset)):
            r = '<first 20: %s ...>' % ', '.join(repr(x)[:40] for x in itertools.islice(o, 20))
        elif ln > BIG and isinstance(o, dict):
            r = '<first 20: %s ...>' % ', '.join('%s: %s' % (repr(k)[:40], repr(o[k])[:40]) for k in itertools.islice(o, 20))
        else:
            r = repr(o)
    except BaseException as e:
        try:
            if isinstance(o, INT):
                r = hex(o)
            else:
                r = '<repr failed: %s: %s>' % (type(e).__name__, e)
        except BaseException:
            r = '<repr failed>'
    if PY2 and isinstance(r, str):
        r = r.decode('latin-1')
    return r if len(r) <= n else r[:n] + '...<+%d>' % (len(r) - n)


def sizeof(o):
    try:
        return sys.getsizeof(o)
    except BaseException:
        return None


def short(o):
    return {'id': hx(o), 'type': qual(rtype(o)), 'repr': srepr(o, 120)}


def desc(o, deep=True):
    t = rtype(o)
    d = {'id': hx(o), 'type': qual(t), 'type_id': hx(t), 'sizeof': sizeof(o)}
    # the repr comes last: a PurePath's fills slots (_str, _drv …) that are empty in the process that dies
    if deep:
        describe_parts(o, t, d)
    d['repr'] = srepr(o)
    return d


def describe_parts(o, t, d):
    try:
        if isinstance(o, INT) and not isinstance(o, bool):
            try:
                d['hex'] = hex(o)
            except BaseException:
                pass
        elif isinstance(o, float):
            d['float_hex'] = float.hex(o)
        elif isinstance(o, (bytes, bytearray)):
            d['len'] = len(o)
            d['bytes_hex'] = ''.join('%02x' % b for b in bytearray(o[:300]))
        elif isinstance(o, text):
            d['len'] = len(o)
            d['value'] = text(o[:1000])
        elif isinstance(o, dict):
            d['len'] = dict.__len__(o)
            d['pairs'] = [[hx(k), srepr(k, 80), hx(v), srepr(v, 80)] for k, v in itertools.islice(dict.items(o), 50)]
        elif isinstance(o, (list, tuple)) or qual(t) in ('collections.deque',) or isinstance(o, (set, frozenset)):
            d['len'] = len(o)
            d['items'] = [[hx(v), srepr(v, 80)] for v in itertools.islice(iter(o), 50)]
        slots = {}
        for k in getattr(t, '__mro__', ()):
            sl = k.__dict__.get('__slots__', ())
            if isinstance(sl, str):
                sl = (sl,)
            for s in sl or ():
                if s in ('__dict__', '__weakref__'):
                    continue
                nm = s
                if s.startswith('__') and not s.endswith('__'):
                    nm = '_' + k.__name__.lstrip('_') + s
                try:
                    slots[nm] = short(k.__dict__[nm].__get__(o))      # not getattr: a subclass may have a property of that name
                except AttributeError:
                    slots[nm] = None
                except BaseException:
                    pass
        if slots:
            d['slots'] = slots
        if not isinstance(o, (type, types.ModuleType)):
            try:
                dd = object.__getattribute__(o, '__dict__')
            except BaseException:
                dd = None
            if dd is None and PY2 and isinstance(o, types.InstanceType):
                dd = o.__dict__
                d['classic_class'] = o.__class__.__name__
            if isinstance(dd, dict):
                d['attrs'] = dict((str(k), short(v)) for k, v in itertools.islice(dd.items(), 60))
        if isinstance(o, BaseException):
            d['exc'] = exc_desc(o)
        if isinstance(o, types.GeneratorType):
            d['gen'] = gen_desc(o)
        if hasattr(o, 'cr_frame') or hasattr(o, 'ag_frame'):
            d['gen'] = gen_desc(o)
    except BaseException as e:
        d['desc_error'] = '%s: %s' % (type(e).__name__, e)


def gen_desc(g):
    p = 'gi_' if hasattr(g, 'gi_frame') else 'cr_' if hasattr(g, 'cr_frame') else 'ag_' if hasattr(g, 'ag_frame') else None
    if p is None:
        return {'id': hx(g), 'type': qual(type(g))}
    f = getattr(g, p + 'frame')
    r = {'id': hx(g), 'type': qual(type(g)), 'name': getattr(g, '__qualname__', g.__name__),
         'running': bool(getattr(g, p + 'running', False)), 'code': getattr(g, p + 'code').co_name}
    if f is not None:
        r['line'] = f.f_lineno
        r['lasti'] = f.f_lasti
        r['locals'] = dict((str(k), short(v)) for k, v in f.f_locals.items())
    else:
        r['finished'] = True
    return r


def await_chain(c):
    out = []
    for _ in range(50):
        if c is None:
            break
        if any(hasattr(c, a) for a in ('gi_frame', 'cr_frame', 'ag_frame')):
            out.append(gen_desc(c))
            c = getattr(c, 'cr_await', None) or getattr(c, 'gi_yieldfrom', None) or getattr(c, 'ag_await', None)
        else:
            out.append({'id': hx(c), 'type': qual(type(c)), 'repr': srepr(c, 120)})
            break
    return out


def tb_list(tb):
    out = []
    while tb is not None:
        f = tb.tb_frame
        out.append({'tb': hx(tb), 'frame': hx(f), 'file': f.f_code.co_filename, 'line': tb.tb_lineno,
                    'func': f.f_code.co_name, 'lasti': tb.tb_lasti})
        tb = tb.tb_next
    return out


def exc_desc(e, depth=0, seen=None):
    seen = seen or set()
    d = {'id': hx(e), 'type': qual(type(e)), 'str': srepr(e, 300), 'args': [short(a) for a in e.args]}
    if id(e) in seen or depth > 20:
        return d
    seen = seen | set([id(e)])
    tb = getattr(e, '__traceback__', None)
    if tb is not None:
        d['tb'] = tb_list(tb)
    for k in ('__cause__', '__context__'):
        v = getattr(e, k, None)
        if v is not None:
            d[k] = exc_desc(v, depth + 1, seen)
    if hasattr(e, '__suppress_context__'):
        d['__suppress_context__'] = e.__suppress_context__
    n = getattr(e, '__notes__', None)
    if n:
        d['__notes__'] = list(n)
    if hasattr(e, 'exceptions') and isinstance(e.exceptions, tuple):
        d['exceptions'] = [exc_desc(x, depth + 1, seen) for x in e.exceptions]
    return d


def frame_list(f):
    out = []
    while f is not None:
        c = f.f_code
        if os.path.basename(c.co_filename) not in ('gtdump.py', 'gtdump.pyc'):
            try:
                loc = f.f_locals
                if f.f_code.co_name == '<module>' or (f.f_locals is f.f_globals):
                    L = '<module namespace: %d names>' % len(loc)
                else:
                    L = dict((str(k), desc(v, False)) for k, v in loc.items())
            except BaseException as e:
                L = repr(e)
            out.append({'func': c.co_name, 'qualname': getattr(c, 'co_qualname', None), 'file': c.co_filename,
                        'firstline': c.co_firstlineno, 'line': f.f_lineno, 'lasti': f.f_lasti,
                        'code': hx(c), 'frame': hx(f), 'locals': L})
        f = f.f_back
    out.reverse()
    return out      # outermost first


def write(outdir, mod, mode, gcobjs, exc_info=None, crash_line=None, extra=None):
    # gcobjs: gc.get_objects() taken before this module was imported
    t0 = __import__('time').time()
    ngc = len(gcobjs)
    R = {}
    # ---- heap, before anything here makes objects: everything reachable from gc objects, by fixpoint
    seen = {}
    skip = set([id(gcobjs), id(seen), id(R)])
    nrows = 0
    hist = {}
    tys = {}
    if not PYPY or os.environ.get('GT_HEAP'):
        out = open(os.path.join(outdir, 'heap.tsv'), 'w')
        out.write('#addr\ttype\tsizeof\tgc_tracked\trefs\n')
        gids = set(id(o) for o in gcobjs)
        own = set([id(gids), id(out), id(hist), id(tys)])
        todo = gcobjs
        done = set()
        while todo:
            nxt = []
            for o in todo:
                i = id(o)
                if i in done or i in skip or i in own or o is gcobjs:
                    continue
                done.add(i)
                if i not in gids and gc.is_tracked(o):
                    continue        # made by this writer, not in the parent
                t = type(o)
                q = tys.get(id(t))
                if q is None:
                    q = tys[id(t)] = (qual(t), t)
                s = sizeof(o)
                h = hist.setdefault(q[0], [0, 0])
                h[0] += 1
                h[1] += s or 0
                if PY2:
                    q0 = q[0]
                else:
                    q0 = q[0].encode('ascii', 'backslashreplace').decode()
                rs = gc.get_referents(o) if SAFE or isinstance(o, (list, tuple, dict, set, frozenset)) else ()
                out.write('%x\t%s\t%s\t%d\t%s\n' % (i, q0, s, i in gids, ','.join('%x' % id(r) for r in rs)))
                nrows += 1
                for r in rs:
                    if id(r) not in done:
                        nxt.append(r)
                rs = None
            todo = nxt
        out.close()
        R['types'] = {}
        for q, t in tys.values():
            try:
                R['types'].setdefault(q, []).append({'id': hx(t), 'basicsize': t.__basicsize__, 'itemsize': t.__itemsize__, 'flags': hex(t.__flags__),
                                                     'dictoffset': t.__dictoffset__, 'weakrefoffset': t.__weakrefoffset__, 'mro': [qual(b) for b in t.__mro__]})
            except BaseException:
                pass
    R['heap_rows'] = nrows
    R['heap_hist'] = hist
    R['heap_note'] = 'heap.tsv: fixpoint of gc.get_referents over gc.get_objects() in a forked twin; gc-tracked objects made after the fork are left out; a few atomic ones (interned names of the writer) may exist only in the twin'
    R['gc_objects'] = ngc
    R['extra'] = extra
    R['mode'] = mode
    R['crash_line'] = crash_line
    R['sys_version'] = sys.version
    R['hexversion'] = sys.hexversion
    R['implementation'] = getattr(sys, 'implementation', None) and sys.implementation.name or ('pypy' if PYPY else 'cpython')
    R['platform'] = sys.platform
    R['uname'] = list(os.uname())
    R['byteorder'] = sys.byteorder
    import struct
    R['pointer_size'] = struct.calcsize('P')
    R['maxsize'] = sys.maxsize
    R['maxunicode'] = sys.maxunicode
    R['abiflags'] = getattr(sys, 'abiflags', None)
    R['py_debug'] = hasattr(sys, 'gettotalrefcount')
    R['gil_enabled'] = sys._is_gil_enabled() if hasattr(sys, '_is_gil_enabled') else True
    R['executable'] = sys.executable
    R['argv'] = getattr(sys, 'argv', None)
    R['sys_path'] = list(sys.path)
    R['pid_parent'] = os.getppid()
    R['cwd'] = os.getcwd()
    try:
        import sysconfig
        cv = sysconfig.get_config_vars()
        R['config'] = dict((k, cv.get(k)) for k in ('Py_GIL_DISABLED', 'Py_DEBUG', 'WITH_PYMALLOC', 'WITH_MIMALLOC', 'Py_TRACE_REFS',
                           'Py_UNICODE_SIZE', 'Py_ENABLE_SHARED', 'CONFIG_ARGS', 'SOABI', 'MULTIARCH', 'SIZEOF_VOID_P', 'WITH_DOC_STRINGS'))
    except BaseException as e:
        R['config'] = repr(e)
    R['env'] = dict((k, v) for k, v in os.environ.items() if k.startswith(('PYTHON', 'GT_', 'LD_')))
    # ---- exception being handled in the crashing thread
    ei = exc_info or sys.exc_info()
    if ei[1] is not None:
        R['exception'] = exc_desc(ei[1])
        if 'tb' not in R['exception']:
            R['exception']['tb'] = tb_list(ei[2])
        try:
            R['exception_text'] = ''.join(traceback.format_exception(*ei))
        except BaseException as e:
            R['exception_text'] = repr(e)
        if PY2 and isinstance(R['exception_text'], str):
            R['exception_text'] = R['exception_text'].decode('utf-8', 'replace')
    # ---- threads
    th = []
    threads = {}
    try:
        import threading
        for t in list(threading._active.values()):
            threads[t.ident] = {'name': t.name, 'daemon': t.daemon, 'native_id': getattr(t, 'native_id', None), 'obj': hx(t), 'cls': qual(type(t))}
    except BaseException as e:
        threads = {}
    try:
        import thread as _th  # py2
        me = _th.get_ident()
    except ImportError:
        import _thread as _th
        me = _th.get_ident()
    for ident, f in sys._current_frames().items():
        d = {'ident': hex(ident), 'crashing': ident == me}
        d.update(threads.get(ident, {}))
        d['stack_outermost_first'] = frame_list(f)
        th.append(d)
    R['threads'] = th
    R['frame_ids_valid_in_core'] = sys.version_info < (3, 11) and not PYPY
    # ---- globals of the module
    R['globals'] = dict((k, desc(v)) for k, v in vars(mod).items() if not k.startswith('__'))
    R['globals_dict_id'] = hx(vars(mod))
    R['module_id'] = hx(mod)
    R['modules'] = dict((k, {'id': hx(m), 'dict': hx(vars(m)) if hasattr(m, '__dict__') else None,
                             'file': getattr(m, '__file__', None)}) for k, m in list(sys.modules.items())
                        if isinstance(m, types.ModuleType) and k != 'gtdump')
    # ---- tasks
    loop = getattr(mod, 'G_LOOP', None)
    if loop is not None:
        try:
            import asyncio
            allt = getattr(asyncio, 'all_tasks', None) or asyncio.Task.all_tasks
            R['tasks'] = [{'id': hx(t), 'name': t.get_name() if hasattr(t, 'get_name') else None, 'done': t.done(), 'repr': srepr(t),
                           'coro': hx(t.get_coro() if hasattr(t, 'get_coro') else t._coro),
                           'fut_waiter': hx(t._fut_waiter) if getattr(t, '_fut_waiter', None) is not None else None,
                           'await_chain': await_chain(t.get_coro() if hasattr(t, 'get_coro') else t._coro)} for t in allt(loop)]
        except BaseException as e:
            R['tasks'] = repr(e)
    try:
        R['maps'] = open('/proc/self/maps').read()
    except BaseException as e:
        R['maps'] = repr(e)
    R['write_seconds'] = __import__('time').time() - t0
    with open(os.path.join(outdir, 'gt.json'), 'w') as f:
        json.dump(R, f, indent=1, sort_keys=True, default=repr)
    try:
        import faulthandler
        with open(os.path.join(outdir, 'faulthandler.txt'), 'w') as f:
            faulthandler.dump_traceback(f, all_threads=True)
    except BaseException:
        pass
