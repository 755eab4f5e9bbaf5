# SPDX-License-Identifier: GPL-3.0-or-later
"""One object of each of many types of C, what the interpreter says of each, and then dies.

usage: heap_kinds_program.py TRUTH [FOLDER OF heap_kinds_native]
An expression that this version has not is left out.  Runs under 2.7 and 3.
"""
from __future__ import print_function
import gc
import json
import os
import sys

MODULES = ('array bz2 collections contextvars csv ctypes datetime decimal fractions functools hashlib io itertools lzma mmap '
           'operator pickle pyexpat queue random re select socket sqlite3 ssl struct threading types unicodedata weakref zlib '
           'ast asyncio cProfile codecs multiprocessing pwd string symtable time traceback typing uuid zoneinfo string.templatelib '
           'collections.abc compression.zstd hmac inspect warnings _asyncio _blake2 _contextvars _hashlib _hmac _md5 _sha1 _sha2 _sha256 _sha3 _sha512 _tokenize _string _interpreters _multiprocessing _zoneinfo _collections _thread thread _io _json _queue _random _sre _struct _elementtree _pickle cPickle cStringIO Queue').split()
for name in MODULES:
    try:
        globals()[name.split('.')[0]] = __import__(name)
    except ImportError:
        pass
try:
    import xml.etree.cElementTree as ET
except ImportError:
    import xml.etree.ElementTree as ET
if len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])
    import heap_kinds_native

# Not all of what is made is filled with zeros first.  What the blocks had before that are given next: addresses of objects
# that lie side by side, so that a byte in place of their lowest one makes another one's of it.
STALE = [object() for i in range(4096)]


def soil():
    kept = [[STALE[(i * 7 + j) % 4096] for j in range(n)] for n in range(2, 65) for i in range(64)]
    for i in range(0, len(kept), 2):
        kept[i] = None
    return kept


SOILED = soil()
PYTHON2 = sys.version_info[0] == 2
TEXT = str if not PYTHON2 else eval('unicode')
MARK = ['mark']
HELD = b''.join([b'held ', b'by what the gc does not know'])


class Text(TEXT):
    pass


class Bytes(bytes):
    pass


class Slotless(bytes):
    __slots__ = ()


class Integer(int):
    pass


class Long(int if not PYTHON2 else eval('long')):
    pass


class Real(float):
    pass


class Complex(complex):
    pass


class Items(tuple):
    pass


class List(list):
    pass


class Dict(dict):
    pass


class Set(set):
    pass


class Buffer(bytearray):
    pass


class Slots(object):
    __slots__ = 'first', 'second'


class Plain(object):
    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs)


def function(a, b=1):
    return [a, b]


def started(iterator, n=1):
    for _ in range(n):
        next(iterator)
    return iterator


def given(thing, **attributes):
    for name, value in attributes.items():
        setattr(thing, name, value)
    return thing


def element(children=1, attributes=True, text=None, tail=None):
    e = ET.Element('parent', {'k': 'v'} if attributes else {})
    for i in range(children):
        e.append(ET.Element('child%d' % i))
    if text:
        e.text = ''.join(['text of ', text])
    if tail:
        e.tail = ''.join(['tail of ', tail])
    return e


# texts that Element keeps in a list until somebody asks for them
def joined():
    builder = ET.TreeBuilder()
    builder.start('root', {})
    builder.data('some ')
    builder.data('text')
    builder.start('inner', {'a': 'b'})
    builder.data('more ')
    builder.data('words')
    builder.end('inner')
    builder.data('be')
    builder.data('hind')
    return builder


def half_parsed():
    parser = ET.XMLParser(target=ET.TreeBuilder())
    parser.feed('<root a="b"><child>text</child>')
    return parser


def pickled(module, protocol=2):
    pickler = module.Pickler(io.BytesIO(), protocol)
    pickler.dump([MARK, 'text' * 20, (1, 2)])
    return pickler


def unpickled(module):
    unpickler = module.Unpickler(io.BytesIO(pickle.dumps([MARK, 'text' * 20, (1, 2)], 2)))
    unpickler.load()
    return unpickler


def local():
    l = threading.local()
    l.mark = MARK
    return l


def connection():
    c = sqlite3.connect(':memory:', isolation_level='DEFERRED')
    c.row_factory = sqlite3.Row
    c.create_function('twice', 1, lambda x: 2 * x)
    c.set_progress_handler(function, 10 ** 6)
    c.execute('create table t (a, b)')
    c.execute('insert into t values (1, 2)')
    return c


def raised(exception):
    try:
        raise exception
    except BaseException as e:
        return e


def bound(n):
    return lambda: n


class Point(ctypes.Structure if 'ctypes' in globals() else object):
    _fields_ = [('x', ctypes.c_int), ('to', ctypes.py_object), ('next', ctypes.POINTER(ctypes.c_int))] if 'ctypes' in globals() else []


def registered(module, kind):
    kept = kind()
    kept.add(Plain) if kind is weakref.WeakSet else kept.__setitem__(1 if 'Value' in kind.__name__ else Plain, Plain)
    return kept


def profiled():
    profile = cProfile.Profile()
    profile.enable()
    function(1)
    profile.disable()
    return profile


# what only another object leads to: the first of a type's name that it refers to, and so on
def within(thing, *names):
    for name in names:
        thing = [held for held in gc.get_referents(thing) if type(held).__name__.rpartition('.')[2] == name][0]
    return thing


def context(count):
    made, variables = contextvars.Context(), [contextvars.ContextVar('v%d' % i) for i in range(count)]
    made.run(lambda: [v.set(MARK) for v in variables])
    return made


def filled(made):
    made.put(MARK)
    return made


def blob():
    row = DATABASE.execute('insert into t values (zeroblob(9), 3)').lastrowid
    return DATABASE.blobopen('t', 'a', row)


if not PYTHON2:
    exec('''
class Once:
    def __await__(self):
        yield MARK

async def waits(what):
    return await what

async def makes(what):
    yield what
    await Once()

def suspended(made):
    try:
        made.send(None)
    except StopIteration:
        pass
    return made

def scheduled():
    LOOP.create_task(waits(Once()))
    return LOOP._ready[-1]

def waiting():
    future = LOOP.create_future()
    task = LOOP.create_task(waits(future))
    LOOP.call_soon(LOOP.stop)
    LOOP.run_forever()
    return task

def looped():
    generator = makes(MARK)
    suspended(generator.asend(None))
    return generator
''')
LOOP = asyncio.new_event_loop() if 'asyncio' in globals() else None


def cached(size):
    made = functools.lru_cache(size)(bound)
    for i in range(3):
        made(i)
    return made


DATABASE = connection() if 'sqlite3' in globals() else None
EXPRESSIONS = r'''
Text('abc') | Text(b'\xe9'.decode('latin-1')) | Text(b'\xe2\x82\xac'.decode('utf-8') * 9) | given(Text('x'), a=1) | Bytes(b'abc')
given(Bytes(b'abc'), a=1) | Slotless(b'abc') | Integer(5) | given(Integer(-3), a=1) | Long(2 ** 100) | Long(7) | given(Long(2 ** 70), a=MARK)
Long(0) | Real(1.5) | given(Real(0), a=1) | Complex(1, 2) | Items((1, 2)) | given(Items((1, MARK)), a=1) | List([MARK] * 9) | Dict(a=MARK)
Set([1, 2]) | Set(range(99)) | Buffer(b'x' * 100) | Buffer() | Slots() | given(Slots(), first=MARK) | Plain(a=MARK)
2 ** 1000 | -2 ** 62 | 0 | True | 1.5 | 1j | b'abc' | bytearray(b'z' * 50) | bytearray() | () | [] | {} | set() | frozenset([1])
itertools.product([1], [2, 3], repeat=3) | started(itertools.product([MARK], [2, 3], repeat=3), 2) | itertools.product()
itertools.combinations(range(9), 3) | started(itertools.combinations([MARK, 1, 2, 3], 3), 2) | itertools.combinations([], 2)
itertools.permutations(range(5)) | started(itertools.permutations([MARK, 1, 2], 2), 3) | list(itertools.permutations([1])) and itertools.permutations([1])
itertools.combinations_with_replacement([1, 2], 2) | started(itertools.combinations_with_replacement([MARK, 2], 2), 2)
itertools.tee('abc')[0] | started(itertools.tee([MARK, 1, 2, 3])[0], 2) | started(itertools.tee(range(200))[1], 150)
itertools.groupby('aabb') | started(itertools.groupby([MARK, 1], id)) | next(itertools.groupby('aabb'))[1] | itertools.cycle('ab')
started(itertools.cycle([MARK, 1])) | itertools.count(10 ** 30, 2) | itertools.repeat(MARK, 3) | itertools.chain([1], MARK)
itertools.accumulate([1, 2], function) | started(itertools.accumulate([MARK])) | itertools.islice(iter([1]), 1) | itertools.starmap(function, [MARK])
itertools.compress('ab', [1, 0]) | itertools.takewhile(id, MARK) | itertools.dropwhile(id, MARK) | itertools.zip_longest(MARK, [1])
itertools.filterfalse(id, MARK) | itertools.izip(MARK, [1]) | itertools.imap(id, MARK) | itertools.pairwise(MARK) | itertools.batched(MARK, 2)
zip([1], MARK) | map(id, MARK) | filter(id, MARK) | enumerate(MARK) | reversed([MARK]) | iter(function, 1)
pickled(_pickle) | unpickled(_pickle) | _pickle.Pickler(io.BytesIO()) | _pickle.Unpickler(io.BytesIO(b'')) | pickled(cPickle) | pickled(cPickle).memo
_pickle.Pickler(io.BytesIO(), 5, buffer_callback=function) | cPickle.Unpickler(cStringIO.StringIO(b'')) | unpickled(_pickle).memo
ET.Element('alone') | element(0) | element(0, False) | element(1) | element(3, False, 'text', 'tail') | element(30, True, 'a') | element(5)[1]
iter(element(3)) | element(3).iter() | started(element(3).iter(), 2) | element(2).itertext() | element(2).attrib | ET.TreeBuilder()
joined() | joined().close() | half_parsed() | ET.XMLParser() | ET.fromstring('<a>t<b c="d">u</b>v</a>') | ET.fromstring('<a>t<b c="d">u</b>v</a>')[0]
ET.TreeBuilder(element_factory=ET.Element) | ET.Element | pyexpat.ParserCreate() | given(pyexpat.ParserCreate(), StartElementHandler=function)
pyexpat.ParserCreate().ExternalEntityParserCreate(None)
local() | threading.local() | threading.Lock() | threading.RLock() | threading.Condition() | re.compile('a(b)?') | re.match('a(b)?', 'ab')
re.compile('x*').scanner('x' * 30) | re.compile('(a)|b').finditer('ab' * 20) | re.match('(?P<n>a)', 'ab' * 10)
DATABASE | DATABASE.cursor() | DATABASE.execute('select a, b from t') | DATABASE.execute('select a from t').fetchone()
DATABASE.execute('select a, b from t where a = ?', (1,)) | sqlite3.Row
io.BytesIO(b'z' * 999) | io.BytesIO() | given(io.BytesIO(b'zz'), a=MARK) | io.StringIO() | io.BufferedReader(io.BytesIO(b'a')) | io.TextIOWrapper(io.BytesIO(b'a'))
io.BufferedRandom(io.BytesIO(b'a')) | io.BytesIO(b'ab').getbuffer() | io.BufferedRWPair(io.BytesIO(), io.BytesIO()) | open('/dev/null')
memoryview(b'abc') | memoryview(bytearray(9))[1:3] | memoryview(Buffer(b'a' * 50)) | memoryview(array.array('i', [1, 2])).cast('B') | memoryview(memoryview(b'x' * 60))
buffer(b'abc' * 9) | buffer(HELD) | cStringIO.StringIO(HELD) | cStringIO.StringIO() | array.array('d', [1.0] * 10) | array.array('i')
collections.deque(range(500)) | collections.deque([MARK], 3) | collections.OrderedDict(a=MARK) | collections.defaultdict(list, a=MARK) | collections.Counter('aab') | MARK | 'text' | u'caf\xe9 of {}'.format(1) | bytearray(7) | collections.deque()
functools.partial(function, 1, b=MARK) | functools.lru_cache(5)(function) | functools.cmp_to_key(function) | functools.cmp_to_key(function)(MARK)
weakref.ref(Slots) | weakref.proxy(Plain) | weakref.ref(Plain, function) | struct.Struct('iid') | zlib.compressobj() | zlib.decompressobj()
hashlib.sha256(b'a') | hashlib.md5() | hashlib.blake2b() | random.Random() | bz2.BZ2Compressor() | bz2.BZ2Decompressor() | lzma.LZMACompressor() | lzma.LZMADecompressor()
ctypes.c_int(3) | (ctypes.c_char * 5000)() | ctypes.pointer(ctypes.c_long(3)) | ctypes.py_object(MARK) | ctypes.CFUNCTYPE(None)(function)
select.poll() | select.epoll() | socket.socket() | csv.reader([]) | csv.writer(io.StringIO()) | csv.get_dialect('excel') | queue.SimpleQueue()
operator.itemgetter(1, 'a') | operator.attrgetter('a.b', 'c') | operator.methodcaller('x', MARK, b=2) | operator.itemgetter(0)
decimal.Decimal('1.5') | decimal.Decimal(10) ** 200 | decimal.Context() | decimal.localcontext() | datetime.datetime(2020, 1, 1) | datetime.timedelta(1)
datetime.timezone(datetime.timedelta(0, 60)) | contextvars.copy_context() | contextvars.ContextVar('v', default=MARK) | slice(1, MARK) | super(Plain, Plain())
types.SimpleNamespace(a=MARK) | types.MappingProxyType({1: MARK}) | types.MethodType(function, MARK) | property(function) | staticmethod(function)
classmethod(function) | 'a'.join | [].append | str.join | dict.__dict__['fromkeys'] | Slots.first | range(9) | range(10 ** 30) | iter(range(3))
iter({1: 2}) | iter({1}) | iter('abc') | iter(b'a') | iter(()) | {1: 2}.keys() | iter({1: 2}.items()) | iter(bytearray(b'a')) | mmap.mmap(-1, 9000)
ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) | os.scandir('/') | unicodedata.ucd_3_2_0 | _json.make_scanner(Plain(encoding='utf-8', strict=1, object_hook=None, object_pairs_hook=None, parse_float=float, parse_int=int, parse_constant=id, memo={}))
raised(KeyError(MARK)) | raised(OSError(2, 'no', 'file')) | raised(StopIteration(MARK)) | raised(UnicodeDecodeError('a', b'b', 0, 1, 'c'))
raised(ImportError('no')) | raised(SyntaxError('no', ('f', 1, 2, 't'))) | raised(ExceptionGroup('g', [ValueError(MARK)])) | raised(KeyError(1)).__traceback__
raised(NameError('n')) | raised(SystemExit(MARK)) | raised(AttributeError('a')) | raised(KeyError(1)).__traceback__.tb_frame | cached(2) | cached(None) | cached(2)(1)
Point(1, MARK) | (Point * 3)() | ctypes.pointer(Point(1, MARK)) | ctypes.POINTER(Point)() | ctypes.byref(ctypes.c_int(1)) | Point.x | ctypes.c_char_p(HELD)
ctypes.c_void_p(1) | ctypes.create_string_buffer(b'abc') | ctypes.cast(ctypes.pointer(ctypes.c_int(1)), ctypes.c_void_p) | ctypes.CDLL(None).getpid | (ctypes.c_int * 2)(1, 2)
registered(weakref, weakref.WeakSet) | registered(weakref, weakref.WeakValueDictionary) | registered(weakref, weakref.WeakKeyDictionary)
weakref.finalize(Plain, function) | weakref.WeakMethod(Plain(a=1).__init__) | list[int] | dict[str, MARK] | int | eval('int | str') | eval("t'a{MARK}b'")
eval("t'a{MARK!r:>5}b'").interpolations[0] | typing.TypeVar('T') | typing.ParamSpec('P') | typing.List[int] | typing.Union[int, str] | typing.TypeVarTuple('V')
contextvars.ContextVar('w').set(MARK) | iter(contextvars.copy_context()) | contextvars.copy_context().items() | zoneinfo.ZoneInfo('UTC') | zoneinfo.ZoneInfo('Europe/Berlin')
zoneinfo.ZoneInfo.no_cache('Europe/Berlin') | _zoneinfo.ZoneInfo | datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo('UTC')) | datetime.time(1) | datetime.date(2020, 1, 1)
datetime.datetime(2020, 1, 1).isocalendar() | datetime.timezone.utc | ssl.MemoryBIO() | ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname='a')
socket.socketpair()[0] | select.epoll().fileno() and select.epoll() | ast.parse('a + b') | ast.parse('a').body[0] | symtable.symtable('a = 1', 'f', 'exec') | profiled()
codecs.getincrementaldecoder('gb18030')() | codecs.getincrementalencoder('shift_jis')() | codecs.getreader('utf-8')(io.BytesIO()) | codecs.lookup('utf-8')
codecs.getincrementaldecoder('utf-8')() | io.IncrementalNewlineDecoder(None, True) | os.stat('/') | time.localtime(0) | pwd.getpwuid(0) | sys.version_info | sys.flags
_string.formatter_parser('a{b}') | _string.formatter_field_name_split('a.b')[1] | struct.iter_unpack('i', HELD[:8]) | multiprocessing.Lock()._semlock | uuid.UUID(int=5)
datetime.datetime_CAPI | next(os.scandir('/')) | (1).__add__ | int.__add__ | int.from_bytes | int.real | {}.items() | iter({}.values()) | iter({1: MARK}.values()) | iter([MARK]) | iter((MARK,))
_asyncio.Future(loop=Plain(get_debug=lambda: False)) | random.SystemRandom() | hashlib.sha3_256() | hashlib.shake_128() | hashlib.new('sha1') | compression.zstd.ZstdCompressor()
compression.zstd.ZstdDecompressor() | memoryview(mmap.mmap(-1, 5000)) | memoryview(b'abcdef')[::2] | memoryview(array.array('d', [1.0])) | array.array('u', u'abc') | array.array('b', b'x' * 999)
iter(array.array('i', [1])) | iter(collections.deque([MARK])) | reversed(collections.deque([MARK])) | iter(collections.OrderedDict(a=MARK)) | collections.OrderedDict(a=MARK).items() | collections.namedtuple('N', 'a b')(1, MARK)
re.compile('(?P<name>a)(b)', re.I) | re.compile(b'x+') | started(re.compile('a').finditer('aaa')) | functools.partial(functools.partial(function, 1), MARK) | functools.singledispatch(function) | functools.partialmethod(function, MARK)
functools.cached_property(function) | functools.reduce | property(function, None, None, 'doc') | Plain.__dict__ | types.ModuleType('m') | types.CodeType | function.__code__ | compile('a = 1', 'f', 'exec')
(lambda: MARK) | bound(MARK).__closure__[0] | (x for x in MARK) | started((x for x in [MARK, 1])) | type('Made', (Plain,), {'a': MARK}) | type('Slotted', (), {'__slots__': ('a',)})
csv.DictReader([]) | threading.Event() | threading.Semaphore() | threading.Thread(target=function) | threading.current_thread() | _thread.RLock() | _random.Random(1) | queue.Queue()
decimal.getcontext() | decimal.Context().flags | fractions.Fraction(1, 3) | operator.methodcaller('x') | pickle.PickleBuffer(HELD) | Ellipsis | NotImplemented | None
waits(Once()) | suspended(waits(Once())) | waits(Once()).__await__() | suspended(waits(Once())).cr_frame | makes(MARK) | looped() | looped().asend(MARK)
looped().athrow(KeyError) | looped().aclose() | suspended(looped().asend(MARK)) | suspended(looped().athrow(KeyError)) | anext(looped(), MARK)
LOOP | LOOP.create_future() | iter(LOOP.create_future()) | LOOP.create_task(waits(Once())) | scheduled() | scheduled()._callback | waiting() | waiting()._fut_waiter
within(waiting()._fut_waiter, 'Context') | within(waiting()._fut_waiter, 'TaskWakeupMethWrapper') | within(waiting()._fut_waiter, 'list')
_blake2.blake2s() | _blake2.blake2b(b'a') | _md5.md5(b'a') | _sha1.sha1() | _sha2.sha224() | _sha2.sha256() | _sha2.sha384() | _sha2.sha512() | _sha256.sha224() | _sha512.sha384()
_sha3.sha3_224() | _sha3.sha3_384() | _sha3.sha3_512(b'a') | _sha3.shake_256() | _hashlib.openssl_sha256() | _hashlib.new('shake_128') | hmac.new(b'k', b'm', 'sha256')
_hashlib.hmac_new(b'k', b'm', 'sha256') | _hmac.new(b'k', b'm', 'sha256') | zlib._ZlibDecompressor() | compression.zstd.ZstdDict(b'x' * 99, is_raw=True)
_json.make_encoder({}, function, _json.encode_basestring_ascii, None, ': ', ', ', False, False, True) | _tokenize.TokenizerIter(iter(['a = 1']).__next__, extra_tokens=False)
(lambda a: sys._getframe())(MARK) | (lambda a: sys._getframe().f_locals)(MARK) | function.__code__.co_lines() | function.__code__.co_positions() | iter(memoryview(b'abc'))
iter(b'\xe2\x82\xac'.decode('utf-8')) | iter(range(10 ** 30)) | reversed('abc') | reversed((1, MARK)) | reversed({1: MARK}) | reversed({1: MARK}.values()) | reversed({1: MARK}.items())
collections.OrderedDict(a=1).keys() | collections.OrderedDict(a=1).values() | iter(collections.OrderedDict(a=MARK).items()) | reversed(collections.OrderedDict(a=MARK)) | {1: MARK}.values()
iter(list[int]) | typing.ParamSpec('P').args | typing.ParamSpec('P').kwargs | typing.TypeAliasType('A', list) | typing.TypeAliasType('A', list).evaluate_value | typing.NoDefault
typing.TypeVar('T', bound=Plain) | typing.TypeVar('T', covariant=True) | typing.TypeVar('T', infer_variance=True) | typing.ParamSpec('P', contravariant=True)
blob() | within(DATABASE.execute('select b from t'), 'Statement') | symtable.symtable('a = 1', 'f', 'exec')._table | codecs.charmap_build(u''.join([u'%c' % i for i in range(256)]))
codecs.getreader('gb18030')(io.BytesIO()) | codecs.getwriter('gb18030')(io.BytesIO()) | codecs.getincrementaldecoder('shift_jis')() | sys.modules['encodings.gb18030'].codec
pickled(_pickle).memo | within(pickled(_pickle), 'Pdata') | within(unpickled(_pickle), 'Pdata') | re._compile_template(re.compile('a(b)'), r'x\1y') | threading.Thread()._handle | threading.main_thread()._handle
within(local(), '_localdummy') | within(ctypes.CFUNCTYPE(None)(function), 'CThunkObject') | within(Point, 'StgDict') | io.FileIO('/dev/null') | io.BufferedWriter(io.BytesIO())
within(memoryview(b'abc'), 'managedbuffer') | within(io.BytesIO(b'ab').getbuffer(), 'managedbuffer', '_BytesIOBuffer') | iter(eval("t'a{MARK}b'")) | collections.namedtuple('N', 'a').a
functools.Placeholder | functools.partial(function, functools.Placeholder, 1) | weakref.proxy(function) | collections.abc.Mapping._abc_impl | filled(queue.SimpleQueue())
ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname='a')._sslobj | within(context(3), 'hamt') | within(context(40), 'hamt') | context(40)
within(context(3), 'hamt', 'hamt_bitmap_node') | within(context(40), 'hamt', 'hamt_array_node') | types.CellType() | super(Plain) | decimal.Decimal(0) | decimal.Decimal('-Infinity') | decimal.Decimal('1E+99')
decimal.Context().traps | decimal.Context(capitals=0) | inspect.signature(function) | function.__get__(MARK) | (1).__add__ | [].__iter__ | types.CodeType.co_name | warnings.catch_warnings()
heap_kinds_native.visited(MARK) | heap_kinds_native.plain(MARK)
'''


def truth():
    kept = {}
    for expression in EXPRESSIONS.replace('\n', ' | ').split(' | '):
        if expression:
            try:
                kept[expression] = eval(expression)
            except (NameError, AttributeError, TypeError, ValueError, ArithmeticError, ImportError, LookupError, SyntaxError, OSError,
                    RuntimeError, sqlite3.Error if 'sqlite3' in globals() else MemoryError):
                pass
    for label, iterator in list(kept.items()):
        for held in gc.get_referents(iterator):
            if 'tee_dataobject' in type(held).__name__:
                kept['data of ' + label] = held
    return kept


KEPT = truth()
for i in range(3):
    gc.collect()
gc.disable()
told = {}
for label, thing in KEPT.items():
    told[label] = {'address': id(thing), 'type': type(thing).__name__, 'size': sys.getsizeof(thing),
                   'gc': bool(type(thing).__flags__ & 1 << 14), 'referents': [id(r) for r in gc.get_referents(thing)]}
for label, thing in KEPT.items():
    if isinstance(thing, (collections.deque, bytearray, str, type(u''), bytes, tuple, list, dict, set)):
        told[label]['len'] = len(thing)
    told[label]['held'] = list(map(id, thing)) if label.startswith('element(') and hasattr(thing, 'tag') else \
        [id(HELD)] if '(HELD)' in label else []
told['the mark'] = {'address': id(MARK), 'type': 'list', 'size': sys.getsizeof(MARK), 'gc': True, 'referents': [id(r) for r in MARK]}
with open(sys.argv[1], 'w') as f:
    json.dump(told, f)
os.abort()
