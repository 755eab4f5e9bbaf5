# SPDX-License-Identifier: GPL-3.0-or-later
"""Plants secrets everywhere a service has them, and dies.  @DOC@

The test replaces the words between at signs by random text: literals are secrets too.
"""
import array
import collections
import dataclasses
import decimal
import enum
import functools
import json
import os
import sys
import threading
import time
import types

with open(sys.argv[1], encoding='utf-8') as planted:
    S = json.load(planted)      # what the literals are not: by name
SECRET_KEY = S.pop('global')
PLAIN_GLOBAL = S.pop('plain_global')


class Config:
    """Class @CLASSDOC@."""
    API_KEY = '@CLASS_LITERAL@'
    retries = 3

    def __init__(self, password, where):
        self.db_password = password
        self.where = where


class Slotted:
    __slots__ = ('auth_token', 'user')

    def __init__(self, token, user):
        self.auth_token = token
        self.user = user


Login = collections.namedtuple('Login', 'user password')


class Failure(Exception):
    pass


class Private:
    def __init__(self, password):
        self.__password = password


@dataclasses.dataclass
class Account:
    user: str
    refresh_token: str


class Keys(enum.Enum):
    SIGNING_SECRET = '@ENUM_LITERAL@'


def default_argument(x, secret='@DEFAULT_LITERAL@', *, token='@KWDEFAULT_LITERAL@'):
    return x, secret, token


def enclose(private_key):
    def inner():
        return private_key
    return inner


def suspended(cookie):
    yield len(cookie)
    yield cookie


def call(**kwargs):
    return deepest(kwargs)


def deepest(options):
    # the arguments of a call are dictionary values here
    tokenizer = S['lookalike1']
    secretary = S['lookalike2']
    monkey = S['lookalike3']
    secret_level = 7
    level = 7
    token = 'x'
    letter = 'x'
    passwd = S['bytes'].encode()
    plain_text = S['plain_text']
    plain_bytes = S['plain_bytes'].encode()
    plain_int = int(S['plain_int'])
    plain_float = float(S['plain_float'])
    plain_dict = {S['plain_key']: [S['plain_item'], (S['plain_tuple_item'],)]}
    raise Failure('cannot log in with ' + options['password'], S['plain_message'])


def never_called():
    connect(password='@KEYWORD_LITERAL@', size=3)
    return {'api_key': b'@KEY_LITERAL@'}


def forgets():
    password = '@GONE_LITERAL@'
    password = None
    PASSWORD = (
        # in two parts
        '@HALF1_LITERAL@'
        "@HALF2_LITERAL@"
    )
    return len(PASSWORD)


def thread(cookie, ready):
    ready.set()
    time.sleep(600)






def main():
    password = S.pop('local')
    api_key = S.pop('local_bytes').encode('utf-8')
    secret_number = int(S.pop('int'))
    secret_negative = -int(S.pop('negative'))
    token_weight = float(S.pop('float'))
    secret_complex = complex(0, float(S.pop('complex')))
    access_token = bytearray(S.pop('bytearray').encode())
    odd_password = S.pop('odd')
    odd_secret = bytes.fromhex(S.pop('odd_bytes'))
    wide_secret = S.pop('wide')
    long_secret = S.pop('long') * 40
    userPassword = S.pop('camel')
    passwords = [S.pop('plural1'), {'x': (S.pop('plural2'), frozenset([S.pop('plural3')]))}]
    config = Config(S.pop('attribute'), {'host': 'example.org', 'Authorization': 'Bearer ' + S.pop('header')})
    slotted = Slotted(S.pop('slot'), 'ann')
    login = Login('bob', S.pop('namedtuple'))
    space = types.SimpleNamespace(secret=S.pop('namespace'), level=3)
    partial = functools.partial(default_argument, token=S.pop('partial'))
    settings = {'AWS_SECRET_ACCESS_KEY': S.pop('key'), b'cookie': S.pop('bytes_key').encode(), 'X-Api-Key': S.pop('dashed')}
    credentials = {'a': [('u', S.pop('nested1')), {'x': collections.deque([S.pop('nested2')])}]}
    session_token = S.pop('as_key')
    sessions = {session_token: 'ann', ('u', session_token): 1}
    closure = enclose(S.pop('closure'))
    generator = suspended(S.pop('generator'))
    next(generator)
    dsn = 'postgresql://ann:%s@db.example.org/orders' % S.pop('url')
    dsn_bytes = ('https://bob:%s@example.org/' % S.pop('url_bytes')).encode()
    literal = dict(password='@CALL_LITERAL@', size=3)
    literals = {'token': '@DICT_LITERAL@'}
    built = f'hello {password}, welcome'
    longer = 'x' * 60 + password + 'y' * 60
    joined = ('Basic ' + userPassword).encode()
    plain_local = S['plain_local']
    private = Private(S.pop('private'))
    account = Account('ann', S.pop('dataclass'))
    ordered = collections.OrderedDict([('one', 1), ('passwd', S.pop('ordered'))])
    default = collections.defaultdict(dict, {'x': {'credentials': {'y': [S.pop('default')]}}})
    deep = {'a': [{'b': ({'c': {'d': [{'client_secret': S.pop('deep')}]}},)}]}
    headers = [('Host', 'example.org'), ('Authorization', 'Bearer ' + S.pop('pair'))]
    raw_headers = [(b'host', b'example.org'), (b'cookie', b'session=' + S.pop('bytes_pair').encode())]
    key = Keys.SIGNING_SECRET
    forgets()
    error_secret = ValueError(S.pop('error'), 12)
    os_secret = OSError(5, 'no', S.pop('error_file'))
    view_secret = memoryview(S.pop('view').encode())
    method_token = S.pop('method').join
    array_secret = array.array('q', [int(S.pop('array'))])
    proxy_secret = types.MappingProxyType({'x': S.pop('proxy')})
    views_secret = [{'x': S.pop('values')}.values(), {S.pop('keys'): 1}.keys()]
    slice_secret = slice(S.pop('slice'))
    property_secret = property(S.pop('property'))
    decimal_secret = decimal.Decimal(S.pop('decimal'))
    wsgi_headers = [('Cookie', S.pop('str_pair1')), ('authorization', S.pop('str_pair2'))]
    pairs = (('user', 'ann'), ['token', S.pop('str_pair3')])
    lone_pair = ('password', S['lone'])
    in_list = [lone_pair]
    fields = ('token', S['plain_field'])
    ready = threading.Event()
    sys.modules[S['plain_module']] = types.ModuleType('known_by_another_name')
    threading.Thread(target=thread, args=(S.pop('thread'), ready), name=S['plain_thread'], daemon=True).start()
    ready.wait()
    time.sleep(0.1)
    try:
        try:
            call(password=S.pop('kwargs'), user='ann')
        except Failure as e:
            e.token = S.pop('exception_attribute')
            if hasattr(e, 'add_note'):
                e.add_note('with ' + password)
            raise RuntimeError('gave up: password=%s' % password) from e
    except RuntimeError:
        os.abort()


main()
