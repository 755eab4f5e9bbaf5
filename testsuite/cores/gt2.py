# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known-ground-truth program, Python 2.7 (CPython, PyPy). Same environment variables as gt3.py."""
import sys, os, time, threading, weakref, collections, functools, itertools, types
import datetime, decimal, fractions, uuid, re, struct, io, Queue, random, array, socket, mmap, logging, hashlib, gc
import StringIO, cStringIO
try:
    import ctypes
except ImportError:
    ctypes = None
try:
    if os.environ.get('GT_NUMPY', '1') == '1':
        import numpy
    else:
        numpy = None
except Exception:
    numpy = None

MODE = os.environ.get('GT_MODE', 'abort')
OUT = os.environ.get('GT_OUT', '.')
N = int(os.environ.get('GT_N', '100000'))
THIS = sys.modules[__name__]

G_NONE = None
G_TRUE = True
G_FALSE = False
G_ELLIPSIS = Ellipsis
G_NOTIMPL = NotImplemented
G_INT_SMALL = 7
G_INT_M5 = -5
G_INT_257 = 257
G_INT_MAX = sys.maxint
G_LONG_SMALL = 7L
G_LONG_ZERO = 0L
G_INT_NEG = -12345678901234567890
G_INT_BIG = 10 ** 50
G_INT_NEGBIG = -(10 ** 50)
G_INT_HUGE = 1 << 20000
G_FLOATS = [0.0, -0.0, 3.141592653589793, -1e308, 5e-324, float('inf'), float('-inf'), float('nan')]
G_COMPLEX = 1 - 2.5j
G_STR_EMPTY = ''
G_STR_ASCII = 'plain byte string'
G_STR_BYTES = ''.join(map(chr, range(256)))
G_STR_UTF8 = 'caf\xc3\xa9'
G_UNI_EMPTY = u''
G_UNI_ASCII = u'unicode ascii'
G_UNI_LATIN1 = u'caf\xe9 \xff'
G_UNI_BMP = u'\u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d \u20ac'
G_UNI_ASTRAL = u'ok \U0001f600 \U0001d518'
G_UNI_SURR = u'lone \udc80 and \ud83d end'
G_STR_LONG = 'x' * 5000
G_BYTEARRAY = bytearray(b'0123456789abcdef')
del G_BYTEARRAY[:3]
G_BUFFER = buffer('buffer target', 2, 5)
G_MEMVIEW = memoryview(bytearray(b'memoryview target'))[1:12]
G_ARRAY = array.array('d', [1.5, -2.5, 1e10])
G_XRANGE = xrange(-10, 1000, 7)
G_SLICE = slice(1, None, -2)
G_TUPLE = (1, 'two', 3.0, None, (4, (5, (6,))))
G_TUPLE_EMPTY = ()
G_LIST = [1, 'two', 3.0, u'four', None, True]
G_LIST_EMPTY = []
G_LIST_NESTED = []
for _i in range(200):
    G_LIST_NESTED = [_i, G_LIST_NESTED]
G_LIST_SELF = [1, 2]
G_LIST_SELF.append(G_LIST_SELF)
G_LIST_SHRUNK = list(range(1000))
del G_LIST_SHRUNK[10:]
G_SET = {1, 2, 3, 'four', 5.5, None}
G_SET_BIG = set(range(0, 3000, 3))
G_SET_DUMMY = set(range(50))
for _i in range(0, 50, 2):
    G_SET_DUMMY.discard(_i)
G_FROZEN = frozenset(['a', 'b', (1, 2)])
G_DICT = {'one': 1, 'two': [2, 2], 'three': {'nested': (3,)}}
G_DICT_EMPTY = {}
G_DICT_MIXED = {1: 'int key', 2.5: 'float key', (1, 2): 'tuple key', u'\u20ac': 'uni key', None: 'none key', 'x': 'str key', 5L: 'long key'}
G_DICT_SELF = {}
G_DICT_SELF['self'] = G_DICT_SELF
G_DICT_DELETED = dict(('k%d' % _i, _i) for _i in range(40))
for _i in range(0, 40, 3):
    del G_DICT_DELETED['k%d' % _i]
G_DICT_BIG = dict((_i, str(_i)) for _i in range(N))
G_ODICT = collections.OrderedDict([('z', 1), ('y', 2), ('x', 3)])
G_DEFDICT = collections.defaultdict(list, {'a': [1]})
G_COUNTER = collections.Counter('abracadabra')
G_DEQUE = collections.deque(range(5), maxlen=7)
G_DEQUE_ROT = collections.deque(range(300))
G_DEQUE_ROT.rotate(77)
Point = collections.namedtuple('Point', 'x y label')
G_NAMEDTUPLE = Point(1, 2.5, 'pt')
G_VIEWKEYS = G_DICT.viewkeys()
G_LISTITER = iter(G_LIST)
next(G_LISTITER)


class OldStyle:
    cattr = 'old class attribute'

    def __init__(self):
        self.x = 1
        self.y = u'old style \u20ac'

    def meth(self):
        return self.x


class OldChild(OldStyle):
    pass


class Slotted(object):
    __slots__ = ('a', 'b', '__private', 'unset')

    def __init__(self):
        self.a = 1
        self.b = 'slot b'
        self.__private = [1, 2]


class SlottedChild(Slotted):
    __slots__ = ('c', '__weakref__')

    def __init__(self):
        super(SlottedChild, self).__init__()
        self.c = {'c': 3}


class Plain(object):
    cls_attr = 'class attribute'

    def __init__(self, n):
        self.n = n
        self.name = 'plain%d' % n
        self.friend = None

    def method(self, x):
        return x + self.n


class Meta(type):
    pass


class WithMeta(object):
    __metaclass__ = Meta


class DictSub(dict):
    pass


class ListSub(list):
    pass


class IntSub(int):
    pass


class StrSub(str):
    pass


class UniSub(unicode):
    pass


class LongSub(long):
    pass


class Node(object):
    def __init__(self, val, nxt=None):
        self.val = val
        self.next = nxt


class AppError(Exception):
    def __init__(self, msg, code, payload):
        super(AppError, self).__init__(msg, code)
        self.code = code
        self.payload = payload


G_OLD = OldStyle()
G_OLDCHILD = OldChild()
G_OLDMETH = G_OLD.meth
G_SLOTTED = Slotted()
G_SLOTTED_CHILD = SlottedChild()
G_PLAIN = Plain(1)
G_PLAIN2 = Plain(2)
G_PLAIN2.friend = G_PLAIN
G_PLAIN.friend = G_PLAIN2
G_WITHMETA = WithMeta()
G_DICTSUB = DictSub(a=1, b=2)
G_DICTSUB.attr = 'on dict subclass'
G_LISTSUB = ListSub([1, 2, 3])
G_LISTSUB.attr = 'on list subclass'
G_INTSUB = IntSub(42)
G_INTSUB.attr = 'on int subclass'
G_LONGSUB = LongSub(-10 ** 30)
G_LONGSUB.attr = 'on long subclass'
G_STRSUB = StrSub('str subclass')
G_STRSUB.attr = 'on str subclass'
G_UNISUB = UniSub(u'unicode subclass \u20ac')
G_UNISUB.attr = 'on unicode subclass'
G_NODES = None
for _i in range(1000):
    G_NODES = Node(_i, G_NODES)
G_EXC = AppError('app failed', 42, {'k': 'v'})
G_EXC_OS = OSError(2, 'No such file or directory', '/no/such')
G_WEAKREF = weakref.ref(G_PLAIN)
G_WEAKREF_DEAD = weakref.ref(Plain(99))
G_WVD = weakref.WeakValueDictionary({'p': G_PLAIN})


def make_closure(x):
    y = [x]

    def inner(z=1):
        return x, y, z
    return inner


G_CLOSURE = make_closure('captured')
G_LAMBDA = lambda q: q + 1              # noqa
G_PARTIAL = functools.partial(int, base=16)
G_BOUND = G_PLAIN.method
G_UNBOUND = Plain.method
G_BUILTIN = len
G_CODE = make_closure.__code__
G_MODULE = types.ModuleType('fake_module', 'doc of fake module')
G_MODULE.attr = 123
G_OBJECT = object()
G_DATETIME = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
G_DECIMAL = decimal.Decimal('-123.4500')
G_FRACTION = fractions.Fraction(22, 7)
G_UUID = uuid.UUID('12345678-1234-5678-1234-567812345678')
G_RE = re.compile(r'(\w+)=(\d+)', re.I)
G_STRINGIO = StringIO.StringIO('string io')
G_CSTRINGIO = cStringIO.StringIO('c string io')
G_FILE = open('/dev/null', 'rb')
G_QUEUE = Queue.Queue()
G_QUEUE.put('queued item 1')
G_LOCK = threading.Lock()
G_RLOCK = threading.RLock()
G_LOGGER = logging.getLogger('gt.logger')
G_RANDOM = random.Random(1234)
if ctypes:
    class CStruct(ctypes.Structure):
        _fields_ = [('i', ctypes.c_int), ('d', ctypes.c_double), ('s', ctypes.c_char * 16)]
    G_CSTRUCT = CStruct(-7, 2.5, b'c string')
    G_CARRAY = (ctypes.c_int * 5)(1, 2, 3, 4, 5)
if numpy is not None:
    G_NP_I64 = numpy.arange(12, dtype='int64').reshape(3, 4)
    G_NP_F32 = numpy.array([1.5, -2.5, numpy.inf, numpy.nan], dtype='float32')


def genfunc(limit):
    acc = []
    for i in range(limit):
        acc.append(i)
        yield i * 10                                                # @GEN


G_GEN = genfunc(5)
next(G_GEN)
next(G_GEN)
G_GEN_NEW = genfunc(3)
G_GEN_DONE = genfunc(1)
list(G_GEN_DONE)
G_GENEXPR = (c * 2 for c in 'abc')
next(G_GENEXPR)


def thread_blocked(lock, payload):
    local_str = 'local of the blocked thread'
    local_num = 31337
    lock.acquire()                                                  # @BLOCKED
    return local_str, local_num


def thread_sleeper(n):
    def nested(m):
        marker = 'sleeping thread marker'
        time.sleep(100000)                                          # @SLEEP
        return marker
    return nested(n + 1)


def thread_queue(q):
    item = None
    while True:
        item = q.get()                                              # @QGET


def _rawfork():
    if ctypes is not None and not hasattr(sys, 'pypy_version_info'):
        try:
            return ctypes.PyDLL(None).fork()
        except Exception:
            pass
    return os.fork()


def _markers():
    r = {}
    try:
        for i, l in enumerate(open(os.path.abspath(__file__).replace('.pyc', '.py')), 1):
            m = re.search(r'# @([A-Z0-9]+)$', l.rstrip())
            if m:
                r[m.group(1)] = i
    except Exception as e:
        r['error'] = repr(e)
    return r


def _twin(exc_info):
    try:
        pre = gc.get_objects() if hasattr(gc, 'get_objects') else []
        here = os.path.dirname(os.path.abspath(__file__))
        if here not in sys.path:
            sys.path.insert(0, here)
        sys.dont_write_bytecode = True
        import gtdump
        gtdump.write(OUT, THIS, MODE, pre, exc_info, extra={'markers': _markers()})
    except BaseException:
        import traceback
        with open(os.path.join(OUT, 'gt.err'), 'w') as f:
            traceback.print_exc(file=f)
    finally:
        os._exit(0)


def crash(exc_info=None):
    die(exc_info or sys.exc_info())                                 # @CRASH


# The twin is made at the very last: what the process does after that, the truth does not have.
def die(exc_info):
    lethal = os.abort
    if MODE == 'segv':
        lethal = ctypes.memset
    elif MODE == 'fatal':
        lethal = ctypes.pythonapi.Py_FatalError
    elif MODE == 'recurse':
        sys.setrecursionlimit(2000)
        deep(1500)
    pid = _rawfork()                                                # @FORK
    if pid == 0:
        _twin(exc_info)
    os.waitpid(pid, 0)
    if MODE == 'segv':
        lethal(8, 0, 16)                                            # @SEGV
    elif MODE == 'fatal':
        lethal(b'fatal error asked for')                            # @FATAL
    elif MODE == 'live':
        with open(os.path.join(OUT, 'live.pid'), 'w') as f:
            f.write(str(os.getpid()))
        time.sleep(100000)                                          # @LIVE
    lethal()                                                        # @ABORT


def deep(n):
    if n == 0:
        pid = _rawfork()
        if pid == 0:
            _twin(sys.exc_info())
        os.waitpid(pid, 0)
        del pid                                                     # the twin's was 0, as n is
        os.abort()                                                  # @DEEPEND
    return deep(n - 1)                                              # @DEEP


class Handler(object):
    def __init__(self, tag):
        self.tag = tag

    def handle(self, exc, *extra, **options):
        captured = 'cell variable'

        def closure(depth):
            return sorted([depth], key=lambda item: self.in_key(item, captured))   # @SORTKEY
        try:
            int('not a number')                                     # @INT
        except ValueError as inner:
            inner_local = u'in inner handler \u20ac'
            with G_RLOCK:
                return closure(3)                                   # @CLOSURE

    def in_key(self, item, cap):
        total = sum(self.gen_on_stack(item))                        # @SUM
        return total

    def gen_on_stack(self, item):
        for step in range(item):
            if step == 2:
                crash()                                             # @CRASHCALL
            yield step


def parse(table, key):
    return table[key]                                               # @KEYERR


def level3(n, values=(1, 2, 3)):
    l3_list = [n, n + 1]
    if n > 0:
        return level3(n - 1, values + (n,))                         # @REC
    try:
        parse({'present': 1}, 'missing')                            # @PARSE
    except KeyError as e:
        raise ValueError(u'bad value: caf\xe9', 42)                 # @RAISE3


def level2(data):
    l2_text = u'level two \u20ac'
    l2_unset = None
    del l2_unset
    try:
        level3(2)                                                   # @LEVEL3
    except ValueError:
        raise AppError('outer failure', 7, [data])                  # @RAISE2


def level1(a_int, b_str, *args, **kwargs):
    l1_none = None
    l1_true = True
    l1_neg = -42
    l1_big = -(10 ** 50)
    l1_float = 1.5
    l1_inf = float('inf')
    l1_complex = 3 + 4j
    l1_bytes = b'local \x00 bytes'
    l1_bytearray = bytearray(b'local bytearray')
    l1_latin = u'\xfcber'
    l1_bmp = u'\u65e5\u672c'
    l1_astral = u'\U0001f40d snake'
    l1_list = [1, [2, [3]]]
    l1_tuple = (1, ('a', b'b'))
    l1_set = {10, 20}
    l1_dict = {'k': 'v', 5: [6]}
    l1_obj = Plain(77)
    l1_old = OldStyle()
    l1_func = len
    l1_type = Slotted
    l1_range = xrange(3)
    l1_slots = SlottedChild()
    l1_deque = collections.deque('xyz')
    l1_cell = 'seen by inner function'

    def uses_cell():
        return l1_cell
    try:
        level2(l1_dict)                                             # @LEVEL2
    except AppError as exc:
        if MODE == 'excepthook':
            raise
        h = Handler('handler object')
        h.handle(exc, 'extra1', 2, opt='option')                    # @HANDLE


def hook(tp, val, tb):
    crash((tp, val, tb))                                            # @HOOK


def settle():
    """until the other threads sleep, all of them, and did not wake meanwhile: what they did later, the truth would not have"""
    before, same = None, 0
    for i in range(200):
        time.sleep(0.05)
        now = []
        try:
            for task in sorted(os.listdir('/proc/self/task')):
                if int(task) != os.getpid():
                    with open('/proc/self/task/%s/status' % task) as f:
                        now.append([line for line in f.read().split('\n') if line.startswith(('State', 'voluntary', 'nonvol'))])
        except (OSError, IOError):
            before = None
            continue
        same = same + 1 if now == before and all('(sleeping)' in str(lines) for lines in now) else 0
        before = now
        if same == 3:
            break


def main(*argv):
    gc.collect()
    G_LOCK.acquire()
    names = [('thr-blocked', thread_blocked, (G_LOCK, ['payload'])), ('thr-sleeper', thread_sleeper, (5,)), ('thr-queue', thread_queue, (Queue.Queue(),))]
    for nm, fn, args in names:
        t = threading.Thread(target=fn, name=nm, args=args)
        t.daemon = True
        t.start()
    settle()
    if MODE == 'excepthook':
        sys.excepthook = hook
    level1(1, 'b', 'extra', 2.5, key='value', other=[1])            # @LEVEL1


if __name__ == '__main__':
    main(*sys.argv)                                                 # @MAIN
