# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known-ground-truth program, Python 3.5 .. 3.15 (CPython, free-threaded, PyPy).
   GT_OUT=dir   where gt.json, heap.tsv, faulthandler.txt are written (default .)
   GT_MODE=abort|segv|fatal|excepthook|gcdel|live|recurse   (default abort)
   GT_N=100000  size of the big dict
   Runs as a script, or imported by an embedding program: import gt3; gt3.main()
"""
import sys, os, time, threading, weakref, collections, functools, itertools, enum, types, operator
import datetime, decimal, fractions, uuid, re, struct, io, queue, random, array, socket, mmap, logging, hashlib
import asyncio, gc, signal
try:
    import pathlib
except ImportError:
    pathlib = None
try:
    import ctypes
except ImportError:
    ctypes = None
try:
    import dataclasses
except ImportError:
    dataclasses = None
try:
    import contextvars
except ImportError:
    contextvars = None
try:
    if os.environ.get('GT_NUMPY', '1') == '1':
        import numpy
    else:
        numpy = None
except Exception:
    numpy = None
try:
    import typing
except ImportError:
    typing = None

MODE = os.environ.get('GT_MODE', 'abort')
OUT = os.environ.get('GT_OUT', '.')
N = int(os.environ.get('GT_N', '100000'))
THIS = sys.modules[__name__]
_FILE = os.path.abspath(__file__)         # 3.14 deletes __main__.__file__ before sys.excepthook runs

# ---------------------------------------------------------------- scalars
G_NONE = None
G_TRUE = True
G_FALSE = False
G_ELLIPSIS = ...
G_NOTIMPL = NotImplemented
G_INT_0 = 0
G_INT_SMALL = 7
G_INT_M5 = -5
G_INT_257 = 257
G_INT_2P30 = 2 ** 30
G_INT_2P60 = 2 ** 60
G_INT_NEG = -12345678901234567890
G_INT_BIG = 10 ** 50
G_INT_NEGBIG = -(10 ** 50)
G_INT_HUGE = 1 << 20000
G_FLOATS = [0.0, -0.0, 3.141592653589793, -1e308, 5e-324, float('inf'), float('-inf'), float('nan')]
G_FLOAT = 2.718281828459045
G_COMPLEX = 1 - 2.5j
G_STR_EMPTY = ''
G_STR_ASCII = 'plain ascii text'
G_STR_ONE = 'q'
G_STR_LATIN1 = 'caf\xe9 \xff\xa0'
G_STR_BMP = '\u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d \u20ac'
G_STR_ASTRAL = 'ok \U0001f600 \U0001d518'
G_STR_SURR = 'lone \udc80 and \ud83d end'
G_STR_NUL = 'a\0b\0c\x01\x7f\x1b'
G_STR_QUOTES = 'it\'s "quoted" \\ back\nnewline\ttab'
G_STR_LONG = 'x' * 5000
G_STR_BUILT = ''.join(['built', '-', 'at', '-', 'run', str(len(sys.argv) * 0)])
G_BYTES = bytes(range(256))
G_BYTES_EMPTY = b''
G_BYTEARRAY = bytearray(b'0123456789abcdef')
del G_BYTEARRAY[:3]                       # ob_start != ob_bytes
G_BYTEARRAY_EMPTY = bytearray()
G_MEMVIEW = memoryview(bytearray(b'memoryview target'))[1:12:2]
G_ARRAY = array.array('d', [1.5, -2.5, 1e10])
G_ARRAY_H = array.array('H', range(20))
G_RANGE = range(-10, 10 ** 20, 7)
G_RANGE_SMALL = range(5)
G_SLICE = slice(1, None, -2)

# ---------------------------------------------------------------- containers
G_TUPLE = (1, 'two', 3.0, None, (4, (5, (6,))))
G_TUPLE_EMPTY = ()
G_LIST = [1, 'two', 3.0, b'four', None, True]
G_LIST_EMPTY = []
G_LIST_NESTED = []
for _i in range(200):
    G_LIST_NESTED = [_i, G_LIST_NESTED]
G_LIST_SELF = [1, 2]
G_LIST_SELF.append(G_LIST_SELF)
G_TUPLE_SELF = ([],)
G_TUPLE_SELF[0].append(G_TUPLE_SELF)
G_LIST_SHRUNK = list(range(1000))
del G_LIST_SHRUNK[10:]
G_SET = {1, 2, 3, 'four', 5.5, None}
G_SET_BIG = set(range(0, 3000, 3))
G_SET_DUMMY = set(range(50))
for _i in range(0, 50, 2):
    G_SET_DUMMY.discard(_i)
G_FROZEN = frozenset(['a', 'b', (1, 2)])
G_SET_EMPTY = set()
G_DICT = {'one': 1, 'two': [2, 2], 'three': {'nested': (3,)}}
G_DICT_EMPTY = {}
G_DICT_MIXED = {1: 'int key', 2.5: 'float key', (1, 2): 'tuple key', b'b': 'bytes key', None: 'none key', True and 'x': 'str key', frozenset([9]): 'fs'}
G_DICT_SELF = {}
G_DICT_SELF['self'] = G_DICT_SELF
G_DICT_DELETED = {('k%d' % _i): _i for _i in range(40)}
for _i in range(0, 40, 3):
    del G_DICT_DELETED['k%d' % _i]
G_DICT_COLLIDE = {(_i << 61): _i for _i in range(16)}
G_DICT_BIG = {_i: str(_i) for _i in range(N)}
G_DICT_STRKEYS = {'key%05d' % _i: float(_i) for _i in range(300)}
G_ODICT = collections.OrderedDict([('z', 1), ('y', 2), ('x', 3)])
G_ODICT.move_to_end('z')
G_ODICT.attr_on_od = 'od attribute'
G_DEFDICT = collections.defaultdict(list, {'a': [1]})
G_COUNTER = collections.Counter('abracadabra')
G_CHAINMAP = collections.ChainMap({'a': 1}, {'b': 2})
G_DEQUE = collections.deque(range(5), maxlen=7)
G_DEQUE_ROT = collections.deque(range(300))
G_DEQUE_ROT.rotate(77)
G_DEQUE_EMPTY = collections.deque()
Point = collections.namedtuple('Point', 'x y label')
G_NAMEDTUPLE = Point(1, 2.5, 'pt')
G_NAMESPACE = types.SimpleNamespace(alpha=1, beta='two')
G_MAPPROXY = types.MappingProxyType({'ro': 1})
G_KEYS = G_DICT.keys()
G_ITEMS = G_DICT.items()
G_LISTITER = iter(G_LIST)
next(G_LISTITER)
G_DICTITER = iter(G_DICT_DELETED)
next(G_DICTITER)
G_ZIP = zip([1, 2], 'ab')
G_ENUMERATE = enumerate('abc', 5)
G_MAP = map(str, [1, 2])
G_COUNT = itertools.count(10)
G_CHAIN = itertools.chain([1], [2])


# ---------------------------------------------------------------- classes
class Meta(type):
    def __new__(mcs, name, bases, ns):
        ns['made_by'] = 'Meta'
        return super().__new__(mcs, name, bases, ns)


class WithMeta(metaclass=Meta):
    pass


class Slotted:
    __slots__ = ('a', 'b', '__private', 'unset')

    def __init__(self):
        self.a = 1
        self.b = 'slot b'
        self.__private = [1, 2]


class SlottedChild(Slotted):
    __slots__ = ('c', '__weakref__')

    def __init__(self):
        super().__init__()
        self.c = {'c': 3}


class SlottedDict(Slotted):
    def __init__(self):
        super().__init__()
        self.in_dict = 'lives in __dict__'


class Plain:
    cls_attr = 'class attribute'

    def __init__(self, n):
        self.n = n
        self.name = 'plain%d' % n
        self.friend = None

    def method(self, x):
        return x + self.n

    @property
    def prop(self):
        return self.n

    @staticmethod
    def smeth():
        pass

    @classmethod
    def cmeth(cls):
        pass


class ManyAttrs:
    def __init__(self):
        for i in range(60):
            setattr(self, 'attr%02d' % i, i)


class DictSub(dict):
    pass


class ListSub(list):
    pass


class TupleSub(tuple):
    pass


class IntSub(int):
    pass


class StrSub(str):
    pass


class BytesSub(bytes):
    pass


class FloatSub(float):
    pass


class SetSub(set):
    pass


class Node:
    def __init__(self, val, nxt=None):
        self.val = val
        self.next = nxt


class EvilRepr:
    def __repr__(self):
        raise RuntimeError('repr is evil')


class AppError(Exception):
    def __init__(self, msg, code, payload):
        super().__init__(msg, code)
        self.code = code
        self.payload = payload


class Color(enum.Enum):
    RED = 1
    GREEN = 'green'


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


if hasattr(enum, 'Flag'):
    class Perm(enum.Flag):
        R = 4
        W = 2
        X = 1
    G_FLAG = Perm.R | Perm.X

if dataclasses:
    def _mkdc():
        ann = {'__annotations__': {'id': int, 'title': str, 'tags': list}, '__module__': __name__}
        DC = dataclasses.make_dataclass('DC', [('id', int), ('title', str), ('tags', list, dataclasses.field(default_factory=list))], namespace={'__module__': __name__})
        FDC = dataclasses.make_dataclass('FDC', [('p', int), ('q', float)], frozen=True)
        return DC, FDC
    DC, FDC = _mkdc()
    G_DATACLASS = DC(17, 'a dataclass', ['t1', 't2'])
    G_DATACLASS_FROZEN = FDC(1, 2.0)
    if sys.version_info >= (3, 10):
        SDC = dataclasses.make_dataclass('SDC', [('p', int), ('q', float)], slots=True)
        G_DATACLASS_SLOTS = SDC(5, 6.5)

G_ENUM = Color.RED
G_INTENUM = Level.HIGH
G_WITHMETA = WithMeta()
G_SLOTTED = Slotted()
G_SLOTTED_CHILD = SlottedChild()
G_SLOTTED_DICT = SlottedDict()
G_PLAIN = Plain(1)
G_PLAIN2 = Plain(2)
G_PLAIN2.friend = G_PLAIN
G_PLAIN.friend = G_PLAIN2
G_PLAIN_DICTED = Plain(3)
G_PLAIN_DICTED.__dict__['via_dict'] = 'added through __dict__'
G_PLAIN_DELATTR = Plain(4)
del G_PLAIN_DELATTR.name
G_PLAIN_DELATTR.extra = 'after delete'
G_MANY = ManyAttrs()
G_EMPTYINST = WithMeta()
G_DICTSUB = DictSub(a=1, b=2)
G_DICTSUB.attr = 'on dict subclass'
G_LISTSUB = ListSub([1, 2, 3])
G_LISTSUB.attr = 'on list subclass'
G_TUPLESUB = TupleSub((1, 2))
G_TUPLESUB.attr = 'on tuple subclass'
G_INTSUB = IntSub(-10 ** 30)
G_INTSUB.attr = 'on int subclass'
G_STRSUB = StrSub('str subclass \u20ac')
G_STRSUB.attr = 'on str subclass'
G_BYTESSUB = BytesSub(b'bytes subclass')
G_FLOATSUB = FloatSub(1.25)
G_SETSUB = SetSub([1])
G_SETSUB.attr = 1
G_NODES = None
for _i in range(1000):
    G_NODES = Node(_i, G_NODES)
G_EVIL = EvilRepr()
G_EXC = AppError('app failed', 42, {'k': 'v'})
G_EXC_OS = OSError(2, 'No such file or directory', '/no/such')
G_EXC_UNI = UnicodeDecodeError('utf-8', b'\xff\xfe', 0, 1, 'invalid start byte')
G_EXC_SYNTAX = SyntaxError('invalid syntax', ('file.py', 3, 7, 'a b c\n'))
G_EXC_STOP = StopIteration('the value')
G_EXC_EXIT = SystemExit(3)
if sys.version_info >= (3, 11):
    G_EXC_GROUP = ExceptionGroup('group', [ValueError('v1'), ExceptionGroup('sub', [KeyError('k')])])
    G_EXC_GROUP.add_note('a note')

G_WEAKREF = weakref.ref(G_PLAIN)
G_WEAKREF_DEAD = weakref.ref(Plain(99))
G_WEAKPROXY = None                     # (a proxy would raise in many places; kept in a list)
G_WEAKPROXY_L = [weakref.proxy(G_PLAIN)]
G_WVD = weakref.WeakValueDictionary({'p': G_PLAIN})
G_WKD = weakref.WeakKeyDictionary({G_PLAIN: 'p'})
G_WSET = weakref.WeakSet([G_PLAIN, G_PLAIN2])


def make_closure(x):
    y = [x]

    def inner(z=1, *args, kw='kwdefault', **kwargs):
        return x, y, z
    return inner


G_CLOSURE = make_closure('captured')
G_LAMBDA = lambda q: q + 1              # noqa
G_PARTIAL = functools.partial(int, base=16)
G_BOUND = G_PLAIN.method
G_BUILTIN = len
G_BUILTIN_BOUND = 'abc'.upper
G_STATIC = Plain.__dict__['smeth']
G_CLASSM = Plain.__dict__['cmeth']
G_PROP = Plain.__dict__['prop']
G_CODE = make_closure.__code__
G_CELL = G_CLOSURE.__closure__[0]
G_MODULE = types.ModuleType('fake_module', 'doc of fake module')
G_MODULE.attr = 123
G_OBJECT = object()
G_TYPE = int
G_SUPER = super(SlottedChild, G_SLOTTED_CHILD)


@functools.lru_cache(maxsize=None)
def cached(n):
    return n * 2


cached(21)
G_LRU = cached
G_DATETIME = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)
G_DATE = datetime.date(1999, 12, 31)
G_TIME = datetime.time(1, 2, 3)
G_TDELTA = datetime.timedelta(-1, 5, 7)
G_DECIMAL = decimal.Decimal('-123.4500')
G_FRACTION = fractions.Fraction(22, 7)
G_UUID = uuid.UUID('12345678-1234-5678-1234-567812345678')
G_PATH = pathlib.PurePosixPath('/some/posix/path') if pathlib else None
G_RE = re.compile(r'(\w+)=(\d+)', re.I)
G_MATCH = G_RE.match('abc=123')
G_STRUCT = struct.Struct('<IHb')
G_STRINGIO = io.StringIO('string io \u20ac')
G_BYTESIO = io.BytesIO(b'bytes io')
G_FILE = open('/dev/null', 'rb')
G_SOCKETS = socket.socketpair()
G_MMAP = mmap.mmap(-1, 4096)
G_MMAP[0:9] = b'mmap data'
G_QUEUE = queue.Queue()
G_QUEUE.put('queued item 1')
G_QUEUE.put({'queued': 2})
G_LOCK = threading.Lock()
G_RLOCK = threading.RLock()
G_EVENT = threading.Event()
G_COND = threading.Condition()
G_RANDOM = random.Random(1234)
G_LOGGER = logging.getLogger('gt.logger')
G_HASH = hashlib.md5(b'x') if hasattr(hashlib, 'md5') else None
if contextvars:
    G_CVAR = contextvars.ContextVar('G_CVAR', default=5)
    G_CVAR.set('ctx value')
    G_CTX = contextvars.copy_context()
if ctypes:
    class CStruct(ctypes.Structure):
        _fields_ = [('i', ctypes.c_int), ('d', ctypes.c_double), ('s', ctypes.c_char * 16), ('bits', ctypes.c_uint, 3)]

    class CUnion(ctypes.Union):
        _fields_ = [('u', ctypes.c_uint64), ('f', ctypes.c_double)]
    G_CSTRUCT = CStruct(-7, 2.5, b'c string', 5)
    G_CARRAY = (ctypes.c_int * 5)(1, 2, 3, 4, 5)
    G_CINT = ctypes.c_int(99)
    G_CPTR = ctypes.pointer(G_CINT)
    G_CUNION = CUnion(0x3ff0000000000000)
    G_CFUNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda v: v + 1)
if numpy is not None:
    G_NP_I64 = numpy.arange(12, dtype='int64').reshape(3, 4)
    G_NP_F32 = numpy.array([1.5, -2.5, numpy.inf, numpy.nan], dtype='float32')
    G_NP_VIEW = G_NP_I64[::2, 1::2]
    G_NP_OBJ = numpy.array([1, 'two', None, [3]], dtype=object)
    G_NP_STRUCT = numpy.array([(1, 2.5, b'abc')], dtype=[('a', 'i4'), ('b', 'f8'), ('c', 'S3')])
    G_NP_STR = numpy.array(['uno', 'dos \u20ac'])
    G_NP_SCALAR = numpy.float64(6.25)
    G_NP_BIG = numpy.zeros(200000, dtype='float64')
    G_NP_DT = numpy.array(['2024-01-02'], dtype='datetime64[D]')
if typing:
    G_TYPING = typing.Dict[str, typing.List[int]]
if sys.version_info >= (3, 9):
    G_GENALIAS = list[int]
if sys.version_info >= (3, 10):
    G_UNION = int | str


# ---------------------------------------------------------------- suspended things
def genfunc(limit):
    acc = []
    for i in range(limit):
        acc.append(i)
        got = yield i * 10                                         # @GEN
    return acc


def gen_outer(limit):
    tag = 'outer generator'
    yield from genfunc(limit)                                       # @GENOUT


G_GEN = gen_outer(5)
next(G_GEN)
next(G_GEN)
G_GEN_NEW = genfunc(3)                  # never started
G_GEN_DONE = genfunc(1)
list(G_GEN_DONE)
G_GENEXPR = (c * 2 for c in 'abc')
next(G_GENEXPR)


async def co_inner(delay, label):
    local_in_inner = {'label': label}
    await asyncio.sleep(delay)                                      # @COINNER
    return local_in_inner


async def co_outer(name):
    context = ['context of', name]
    return await co_inner(100000, name)                             # @COOUTER


async def co_fut(fut):
    before = 'waiting for future'
    return await fut                                                # @COFUT


def asyncio_thread():
    global G_LOOP, G_TASKS, G_FUT
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    G_LOOP = loop
    G_FUT = asyncio.Future(loop=loop) if sys.version_info < (3, 10) else loop.create_future()
    G_TASKS = [loop.create_task(co_outer('task-sleep')), loop.create_task(co_fut(G_FUT))]
    if sys.version_info >= (3, 8):
        G_TASKS[0].set_name('named-task')
    loop.call_later(0.05, G_EVENT.set)
    loop.run_forever()                                              # @LOOP


class _AwaitOnce:
    def __await__(self):
        yield 'suspended by hand'


async def co_manual(arg):
    loc = [arg, arg]
    await _AwaitOnce()
    return loc


G_CORO = co_manual('manual')
G_CORO.send(None)


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


# ---------------------------------------------------------------- the crash path
def _rawfork():
    """fork without Python's fork hooks, so that the twin keeps every thread state; None where there is no ctypes for it"""
    if ctypes is not None and not hasattr(sys, 'pypy_version_info'):
        try:
            return ctypes.PyDLL(None).fork()
        except Exception:
            pass
    if hasattr(sys, 'pypy_version_info'):
        import warnings
        warnings.simplefilter('ignore')
        return os.fork()
    return None


def _twin(exc_info, pid):
    """in the forked twin, or in the process itself where there is none: write the ground truth"""
    try:
        pre = gc.get_objects() if hasattr(gc, 'get_objects') else []
        here = os.path.dirname(_FILE)
        if here not in sys.path:
            sys.path.insert(0, here)
        import gtdump
        gtdump.write(OUT, THIS, MODE, pre, exc_info, extra={'markers': _markers()})
    except BaseException:
        import traceback
        with open(os.path.join(OUT, 'gt.err'), 'w') as f:
            traceback.print_exc(file=f)
    finally:
        if pid == 0:
            os._exit(0)


def _markers():
    r = {}
    try:
        for i, l in enumerate(open(_FILE, encoding='utf-8'), 1):
            m = re.search(r'# @([A-Z0-9]+)$', l.rstrip())
            if m:
                r[m.group(1)] = i
    except Exception as e:
        r['error'] = repr(e)
    return r


def crash(exc_info=None):
    die(exc_info or sys.exc_info())                                 # @CRASH


# The twin is made at the very last: what the process does after that, the truth does not have.
def die(exc_info):
    lethal = os.abort
    if ctypes is not None and MODE == 'segv':
        lethal = ctypes.memset
    elif ctypes is not None and MODE == 'fatal':
        lethal = ctypes.pythonapi.Py_FatalError
    elif MODE == 'recurse':
        sys.setrecursionlimit(2000)
        deep(1500)
    pid = _rawfork()                                                # @FORK
    if not pid:
        _twin(exc_info, pid)
    else:
        os.waitpid(pid, 0)
    if ctypes is None and MODE in ('segv', 'fatal'):
        import signal
        os.kill(os.getpid(), {'segv': signal.SIGSEGV, 'fatal': signal.SIGABRT}[MODE])
    elif MODE == 'segv':
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
        if not pid:
            _twin(sys.exc_info(), pid)
        else:
            os.waitpid(pid, 0)
        del pid                                                     # the twin's was 0, as n is
        os.abort()                                                  # @DEEPEND
    return deep(n - 1)                                              # @DEEP


class Handler:
    def __init__(self, tag):
        self.tag = tag

    def handle(self, exc, *extra, **options):
        captured = 'cell variable'

        def closure(depth):
            nonlocal captured
            captured = captured + '!'
            key_result = sorted([depth], key=lambda item: self.in_key(item, captured))   # @SORTKEY
            return key_result
        try:
            int('not a number')                                     # @INT
        except ValueError as inner:
            inner_local = 'in inner handler'
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
        raise ValueError('bad value: caf\xe9', 42) from e           # @RAISE3


def level2(data):
    l2_text = 'level two \u20ac'
    l2_unset = None
    del l2_unset                        # an unbound local
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
    l1_mv = memoryview(l1_bytes)
    l1_latin = '\xfcber'
    l1_bmp = '\u65e5\u672c'
    l1_astral = '\U0001f40d snake'
    l1_list = [1, [2, [3]]]
    l1_tuple = (1, ('a', b'b'))
    l1_set = {10, 20}
    l1_frozen = frozenset([1])
    l1_dict = {'k': 'v', 5: [6]}
    l1_obj = Plain(77)
    l1_func = len
    l1_type = Slotted
    l1_range = range(3)
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
        if MODE == 'gcdel':
            gc_crash(exc)                                           # @GCCRASH
        h = Handler('handler object')
        h.handle(exc, 'extra1', 2, opt='option')                    # @HANDLE


class Trash:
    def __del__(self):
        crash()                                                     # @DEL


def gc_crash(exc):
    t = Trash()
    t.me = t
    t.more = [Plain(i) for i in range(100)]
    for p in t.more:
        p.friend = t
    del t, p
    gc.collect()                                                    # @COLLECT


def hook(tp, val, tb):
    crash((tp, val, tb))                                            # @HOOK


def hot_inner(acc, i):
    return (acc * 3 + i) & 0xffff


def hot(n):
    acc = 0
    for i in range(n):
        acc = hot_inner(acc, i)
        if i == n - 1:
            level1(1, 'b', 'extra', 2.5, key='value', other=[1])    # @HOTCALL
    return acc


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
    names = [('thr-blocked', thread_blocked, (G_LOCK, ['payload'])), ('thr-sleeper', thread_sleeper, (5,)), ('thr-queue', thread_queue, (queue.Queue(),)), ('thr-asyncio', asyncio_thread, ())]
    for nm, fn, args in names:
        t = threading.Thread(target=fn, name=nm, args=args)
        t.daemon = True
        t.start()
    G_EVENT.wait(20)
    settle()
    if MODE == 'excepthook':
        sys.excepthook = hook
    if os.environ.get('GT_HOT'):
        hot(50000)                                                  # @HOT
    level1(1, 'b', 'extra', 2.5, key='value', other=[1])            # @LEVEL1


if __name__ == '__main__':
    main(*sys.argv)                                                 # @MAIN
