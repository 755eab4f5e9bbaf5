#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a report and a dump against what a Python on Windows wrote of itself.

usage: check_truth.py PYHEAP REPORT.json DUMP TRUTH.txt
TRUTH.txt is lines of WHAT TAB TYPE TAB ADDRESS TAB REPR (ASCII, with Python's escapes); WHAT is one of

    thread NAME FUNCTION.LOCAL     a local of a frame of thread thr-NAME; NAME.tb[N] is the N-th entry of its traceback,
    thread NAME ident              TYPE its function, ADDRESS the traceback, REPR "line N frame 0x…"; the thread's identifier
    main …                         the same of the main thread
    tbframe FUNCTION.LOCAL         a local of a frame of the traceback of the exception that the main thread handles
    globals.NAME                   a variable of __main__

each of them possibly with an attribute behind the name (acct.owner, err.__dict__).  The first line is "# " and
sys.version.  Report and dump must be made with --redact=none.  Prints what differs, and `truth: N of M`.
"""
import json
import re
import subprocess
import sys


def normal(text):
    """Addresses as we write them: Windows's %p has 16 digits in upper case."""
    return re.sub(r'0x[0-9A-Fa-f]+', lambda m: hex(int(m.group(), 16)), text)


class Check:
    def __init__(self, pyheap, report, dump, truth):
        self.pyheap, self.dump = pyheap, dump
        with open(report, encoding='utf-8') as f:
            self.report = json.load(f)
        with open(truth, encoding='utf-8') as f:
            lines = f.read().splitlines()
        self.version, self.lines = lines[0][2:].split()[0], [l.split('\t') for l in lines[1:] if l]
        self.good = self.all = 0
        self.objects = {}

    def claim(self, what, got, wanted):
        self.all += 1
        if got == wanted:
            self.good += 1
        else:
            print('%s: %r, not %r' % (what, got, wanted))

    def load(self, addresses):
        out = subprocess.run([self.pyheap, 'print', '--json', self.dump] + sorted(addresses), stdout=subprocess.PIPE)
        for line in out.stdout.decode('utf-8', 'surrogatepass').splitlines():
            o = json.loads(line)
            self.objects[o['address']] = o

    def thread(self, name):
        wanted = 'MainThread' if name == 'main' else 'thr-' + name
        found = [t for t in self.report['threads'] if t['name'] == wanted]
        return found[0] if len(found) == 1 else None

    def exception(self):
        return (self.thread('main') or {}).get('exception') or {}

    def local(self, frames, path):
        """The object at FUNCTION.LOCAL[.ATTRIBUTE]: its address."""
        function, name, *rest = path.split('.')
        found = [l for f in frames if f['function'] == function for l in f['locals'] if l['name'] == name]
        if not found:
            return None
        return self.attribute(found[-1]['address'], rest)

    def attribute(self, address, rest):
        if rest == ['__dict__'] or not rest:
            return address
        if address not in self.objects:
            self.load([address])
        attributes = self.objects.get(address, {}).get('attributes') or {}
        return attributes.get(rest[0])

    def traceback(self, what, path, function, text):
        path, index = re.match(r'(.*)\.tb\[(\d+)\]$', path).groups()
        thread = self.thread(what)
        address = self.local(thread['frames'], path) if thread else None
        entries = [e for t in self.report['threads'] for e in self.exceptions(t) if e['address'] == address]
        entry = entries[0]['traceback'][int(index)] if entries and int(index) < len(entries[0]['traceback']) else {}
        self.claim('%s.tb[%s] line' % (path, index), (entry.get('function'), entry.get('line')),
                   (function, int(text.split()[1])))
        self.claim('%s.tb[%s] frame' % (path, index), entry.get('address'), normal(text.split()[3]))

    @staticmethod
    def exceptions(thread):
        found = [e for e in thread.get('exceptions') or [] if 'traceback' in e]
        return found + [e for e in [thread.get('exception')] if e]

    def object(self, what, address, type_, id_, text):
        if what.endswith('__dict__'):
            # the instance's dict, which a dump has as attributes
            names = (self.objects.get(address) or {}).get('attributes') or {}
            self.load(names.values())
            got = ['%r: %s' % (name, self.value(self.objects.get(a))) for name, a in sorted(names.items())
                   if name != 'args' and not name.startswith('__')]
            self.claim(what, '{%s}' % ', '.join(got), normal(text))
            return
        self.claim(what + ' id', address, normal(id_))
        o = self.objects.get(normal(id_))
        self.claim(what + ' type', (o or {}).get('type', '').rsplit('.', 1)[-1], type_)
        self.claim(what + ' repr', *self.fit(self.value(o), text))

    @staticmethod
    def value(o):
        return normal(o['repr']) if o and o.get('repr') is not None else None

    @staticmethod
    def fit(got, text):
        """Both may be cut: the truth after 400 characters, ours with three dots."""
        wanted = normal(text)
        if got is None:
            return got, wanted
        n = len(wanted)
        if len(text) >= 400:
            # cut within an address that has fewer digits now
            n = wanted.rfind('0x') if re.search(r'0x[0-9a-f]*$', wanted) else n
        if got.endswith('...') and len(got) - 3 < n:
            n = len(got) - 3
        if n < 200 and n < len(wanted):
            return got, wanted
        return (got[:n], wanted[:n]) if n < len(wanted) or len(text) >= 400 else (got, wanted)

    def run(self):
        self.claim('version', self.report['python']['version'], self.version)
        self.load({normal(l[2]) for l in self.lines if '.tb[' not in l[0] and not l[0].endswith('__dict__')})
        module = [f for f in (self.thread('main') or {'frames': []})['frames'] if f['function'] == '<module>']
        for what, type_, id_, text in self.lines:
            text = text.encode('latin-1').decode('unicode_escape')
            words = what.split()
            if words[0].startswith('globals.'):
                self.object(what, self.local(module, '<module>.' + what[8:]), type_, id_, text)
                continue
            if words[0] == 'thread':
                words = words[1:]
            if '.tb[' in words[1]:
                self.traceback(words[0], words[1], type_, text)
            elif words[0] == 'tbframe':
                frames = self.exception().get('traceback') or []
                self.object(what, self.local(frames, words[1]), type_, normal(id_), text)
            elif words[1] == 'ident':
                self.claim(what, (self.thread(words[0]) or {}).get('id'), int(text))
                self.claim(what + ' native', (self.thread(words[0]) or {}).get('native_id'), int(text))
            else:
                frames = (self.thread(words[0]) or {'frames': []})['frames']
                self.object(what, self.local(frames, words[1]), type_, normal(id_), text)
        print('truth: %d of %d' % (self.good, self.all))
        return self.good == self.all and self.all > 20


sys.exit(0 if Check(*sys.argv[1:]).run() else 1)
