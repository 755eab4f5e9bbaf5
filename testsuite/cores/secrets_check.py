#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the program that plants secrets, and looks for them in what came out.

usage: secrets_check.py plan DIR                    writes program.py, planted.json, expected.json, environment, arguments
       secrets_check.py check DIR MODE FILE...      MODE secrets, values or none; FILE a dump, a report, anything
"""
import ctypes, ctypes.util
import base64
import email
import json
import os
import random
import sys
import zipfile

TEXTS = '''global local local_bytes bytearray camel plural1 plural2 plural3 attribute header slot namedtuple namespace partial
key bytes_key dashed nested1 nested2 as_key closure generator url url_bytes thread kwargs exception_attribute bytes long
private dataclass ordered default deep pair bytes_pair
error error_file view method proxy values keys slice property str_pair1 str_pair2 str_pair3 lone'''.split()
LITERALS = 'CLASS_LITERAL DEFAULT_LITERAL KWDEFAULT_LITERAL CALL_LITERAL DICT_LITERAL ENUM_LITERAL KEYWORD_LITERAL KEY_LITERAL GONE_LITERAL HALF1_LITERAL HALF2_LITERAL'.split()
# what only the default mode must keep, and `values` must not
PLAIN = 'plain_global plain_text plain_bytes plain_key plain_item plain_tuple_item plain_message plain_local lookalike1 lookalike2 lookalike3 plain_field plain_thread plain_module'.split()


def plan(folder):
    rnd = random.Random(20240607)

    def word(n=24):
        # never a word of the language, never hexadecimal alone
        return 'q' + ''.join(rnd.choice('ghjkmnpqrstvwxzGHJKMNPQRSTVWXZ23456789') for _ in range(n - 1))

    secret = {name: word() for name in TEXTS}
    secret['odd'] = word(10) + '\u00e4\'"\\\n\t' + word(10)
    secret['wide'] = word(12) + '\u2603\U0001f600' + word(12)
    secret['int'] = str(rnd.randrange(10**17, 10**18))
    secret['negative'] = str(rnd.randrange(10**35, 10**36))
    secret['float'] = repr(rnd.random() * 1000)
    secret['complex'] = repr(rnd.random() * 1000)
    secret['array'] = str(rnd.randrange(10**17, 10**18))
    secret['decimal'] = repr(rnd.random() * 1000)
    secret['odd_bytes'] = (bytes([0xff, 0xfe, 0x80]) + word().encode() + b'\0\xf0').hex()
    plain = {name: word() for name in PLAIN}
    plain['plain_int'] = str(rnd.randrange(10**17, 10**18))
    plain['plain_float'] = repr(rnd.random() * 1000)
    literals = {name: word() for name in LITERALS}
    docs = {name: word() for name in ('DOC', 'CLASSDOC')}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, 'secrets_program.py'), encoding='utf-8') as f:
        text = f.read()
    for name, value in list(literals.items()) + list(docs.items()):
        assert '@%s@' % name in text, name
        text = text.replace('@%s@' % name, value)
    with open(os.path.join(folder, 'program.py'), 'w', encoding='utf-8') as f:
        f.write(text)
    with open(os.path.join(folder, 'planted.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(secret, **plain), f)
    outside = {name: word() for name in ('env', 'env_url', 'env_plural', 'arg_equals', 'arg_next', 'arg_dashed')}
    outside_plain = {name: word() for name in ('env_plain', 'arg_plain')}
    with open(os.path.join(folder, 'environment'), 'w') as f:
        f.write('APP_SECRET=%(env)s\nDATABASE_URL=mysql://root:%(env_url)s@db/x\nDB_PASSWORDS=%(env_plural)s\n' % outside)
        f.write('GREETING=%(env_plain)s\n' % outside_plain)
    with open(os.path.join(folder, 'arguments'), 'w') as f:
        f.write('--token=%(arg_equals)s\n--password\n%(arg_next)s\n--api-key\n%(arg_dashed)s\n' % outside)
        f.write('--name=%(arg_plain)s\n' % outside_plain)
    with open(os.path.join(folder, 'expected.json'), 'w') as f:
        json.dump({'secret': dict(secret, **literals, **outside), 'plain': dict(plain, **docs, **outside_plain)}, f)


def text_forms(text):
    """The ways in which a part of a text may be written."""
    raw = text.encode('utf-8')
    wide = text.encode('utf-16-le')
    forms = {
        raw, raw.hex().encode(), raw.hex().upper().encode(),
        ''.join('\\x%02x' % c for c in raw).encode(), ''.join('%%%02X' % c for c in raw).encode(),
        repr(text)[1:-1].encode('utf-8'), ascii(text)[1:-1].encode(), json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode('utf-8'), repr(raw)[2:-1].encode(),
        json.dumps(repr(raw)[2:-1])[1:-1].encode(), json.dumps(repr(text)[1:-1])[1:-1].encode(),
        wide, wide.hex().encode(), text.encode('utf-32-le'),
    }
    for skew in range(3):
        # base64 at any place within something longer: without the characters that the neighbours change
        forms.add(base64.b64encode(b'\0' * skew + raw)[4:-4])
    return forms


def windows(text, n=11):
    """A repr that was cut may still show a part: first, last and middle windows."""
    if len(text) <= n:
        return [text]
    return [text[:n], text[-n:]] + [text[i:i + n] for i in range(4, len(text) - n, 5)]


def number_forms(text):
    if '.' in text or 'e' in text:
        return {text[:12].encode(), float(text).hex()[2:14].encode()}
    n = int(text)
    return {text.encode(), text[:12].encode(), text[-12:].encode(), ('%x' % n).encode(), ('%X' % n).encode(), ('%o' % n).encode(),
            n.to_bytes(16, 'little').rstrip(b'\0').hex().encode(), n.to_bytes(16, 'little').rstrip(b'\0')}


def forms_of(name, text):
    if name in ('int', 'negative', 'float', 'complex', 'array', 'decimal', 'plain_int', 'plain_float'):
        return number_forms(text)
    if name == 'odd_bytes':
        inner = bytes.fromhex(text)[3:-2].decode()
        return {f for w in windows(inner) for f in text_forms(w)} | {text.encode()}
    return {f for w in windows(text) for f in text_forms(w)}


def chunk(frame, description):
    """A chunk of a column as it was before compressor and shuffle."""
    lib = ctypes.CDLL(ctypes.util.find_library('zstd'))
    for f in (lib.ZSTD_getFrameContentSize, lib.ZSTD_decompress):
        f.restype = ctypes.c_size_t
    room = int(lib.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame))))
    out = ctypes.create_string_buffer(room)
    size = int(lib.ZSTD_decompress(out, ctypes.c_size_t(room), frame, ctypes.c_size_t(len(frame))))
    data = out.raw[:size]
    assert size == room == description['chunks'][0] * int(description['dtype'][2:]), (size, description)
    for f in description['filters'] or ():
        if f['id'] == 'shuffle':
            n = f['elementsize']
            items = len(data) // n
            whole = bytearray(len(data))
            for byte in range(n):
                whole[byte::n] = data[byte * items:(byte + 1) * items]
            data = bytes(whole)
    return data


def pieces(path):
    """Everything in a file: its bytes, and the members of the archive when it is a dump."""
    with open(path, 'rb') as f:
        yield os.path.basename(path), f.read()
    if path.endswith('.pyheap'):
        with open(path, 'rb') as f:
            part = email.message_from_binary_file(f).get_payload()[0]
        if part.get_content_type() != 'application/x.python-heapdump':
            sys.exit('%s has no pickle' % path)
        yield 'headers of the pickle', str(part.items()).encode()
        yield 'the pickle', part.get_payload(decode=True)
        with zipfile.ZipFile(path) as z:
            names = z.namelist()
            if 'report.json' not in names:
                sys.exit('%s has no report.json: %s' % (path, names))
            yield 'member names', '\n'.join(names).encode()
            for name in names:
                data = z.read(name)
                if data[:4] == b'\x28\xb5\x2f\xfd':
                    data = chunk(data, json.loads(z.read(os.path.dirname(name) + '/.zarray')))
                yield name, data


def check(folder, mode, paths):
    with open(os.path.join(folder, 'expected.json')) as f:
        expected = json.load(f)
    must_not = dict(expected['secret']) if mode != 'none' else {}
    if mode == 'values':
        must_not.update(expected['plain'])
    bad = 0
    found = {}
    for path in paths:
        for where, data in pieces(path):
            for name, text in dict(expected['secret'], **expected['plain']).items():
                hits = [f for f in forms_of(name, text) if f in data]
                if not hits:
                    continue
                found.setdefault(name, set()).add(where)
                if name in must_not:
                    bad += 1
                    form = hits[0]
                    i = data.index(form)
                    context = data[max(0, i - 60):i + len(form) + 30]
                    print('%s: holds %s in the form %r: …%r…' % (where, name, form[:40], context))
    # the nets must not be so wide that nothing is left, nor the test so blind that it finds nothing anyway
    must = []
    if mode == 'none':
        must = [n for n in expected['secret'] if n not in ('long',)] + list(expected['plain'])
        must = [n for n in must if not n.startswith(('env', 'arg'))] + ['arg_equals']
    elif mode == 'secrets':
        must = ['plain_text', 'plain_int', 'plain_float', 'plain_key', 'plain_item', 'plain_local', 'plain_field', 'lookalike1', 'lookalike2',
                'lookalike3', 'plain_message', 'DOC']
    for name in must:
        if name not in found:
            bad += 1
            print('mode %s: %s is nowhere' % (mode, name))
    print('%s: %d findings' % (mode, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    if sys.argv[1] == 'plan':
        plan(sys.argv[2])
    else:
        sys.exit(check(sys.argv[2], sys.argv[3], sys.argv[4:]))
