#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every row of the layout tables against the debug information of the CPythons of this machine: of their
libraries and extension modules where they have it, and of their internal headers, compiled here, in the default build
and with the conditions (trace-refs, free-threaded, debug) that the version knows.

A wrong, missing or surplus offset fails.  Rows that nothing covered are listed.

usage: rows.py [VERSION...]     only interpreters of versions that begin so
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get('top_srcdir', os.path.join(HERE, '..', '..'))
DUMP = os.path.join(os.environ.get('top_builddir', TOP), 'testsuite', 'layouts', 'dump-layout')
EXTENSIONS = '_struct _datetime datetime _decimal array _ctypes _asyncio _queue _collections itertools _functools operator'.split()
KNOWN = [(2, 7)] + [(3, minor) for minor in range(6, 16)]
# of a union; bits that share a byte or a word with one that has a row
BESIDE = ('long_value', 'dummy_padding', 'lltrace', 'is_zero_init', 'use_qsbr', 'tag', 'is_huge', 'retire_expire',
          'padding')
# the structs that explicit offsets describe are those of the default build
EXPLICIT = ('PyInterpreterState', 'PyRuntimeState', 'PyThreadStateImpl')


def layout(hexversion, flags):
    if not flags[:1] or not flags[0].isdigit():
        flags = ['8', '8'] + flags
    text = subprocess.check_output([DUMP, '%x' % hexversion] + flags).decode()
    fields, sizes = {}, {}
    for line in text.splitlines():
        kind, rest = line.split(' ', 1)
        if kind != 'field':
            continue
        words = rest.split()
        if words[0] == 'sizeof':
            sizes[words[1]] = int(words[2])
        else:
            s, m = words[0].split('.')
            fields.setdefault(s, {})[m] = (int(words[1]), int(words[2]))
    return fields, sizes


def dwarf(path, structs, scratch):
    out = os.path.join(scratch, 'dwarf.json')
    if os.path.exists(out):
        os.unlink(out)
    env = dict(os.environ, STRUCTS=' '.join(structs), OUT=out)
    subprocess.call(['gdb', '-nx', '-batch', '-iex', 'set debuginfod enabled off', '-x',
                     os.path.join(HERE, 'read-dwarf.py'), path], env=env, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    if not os.path.exists(out):
        return {}
    with open(out) as f:
        return json.load(f)


def include_of(python, version, root):
    code = 'import sysconfig; print(sysconfig.get_paths()["include"])'
    return root + subprocess.check_output(python + isolated(version) + ['-c', code]).decode().strip()


def mimalloc_of(include):
    """The flag of dump-layout for the version of mimalloc that the headers are of."""
    path = include + '/internal/mimalloc/mimalloc/types.h'
    if not os.path.exists(path):
        return []
    return ['mimalloc=%d' % ('page_start' not in open(path).read())]


def headers(include, defines, scratch, root=''):
    """An object file with the types of all headers, or None."""
    if not os.path.exists(include + '/internal'):
        return None
    chosen = []
    names = ['frameobject.h', 'structmember.h', 'datetime.h'] + sorted(
        'internal/' + os.path.basename(p) for p in glob.glob(include + '/internal/pycore_*.h')
        if not p.endswith('/pycore_crossinterp_data_registry.h'))  # "must not be included directly"
    source = os.path.join(scratch, 'headers.c')
    compiler = os.environ.get('CC', 'gcc').split() + ['-w', '-g', '-fno-eliminate-unused-debug-types',
                                                      '-DPy_BUILD_CORE=1', '-I', include] + defines
    if root:
        # pyconfig.h is in the folder of the machine's headers
        compiler += ['-I', root + '/usr/include/x86_64-linux-gnu/' + os.path.basename(include), '-idirafter',
                     root + '/usr/include', '-idirafter', root + '/usr/include/x86_64-linux-gnu']

    def compiles(some):
        with open(source, 'w') as f:
            f.write('#include <Python.h>\n' + ''.join('#include "%s"\n' % n for n in some))
        return not subprocess.call(compiler + ['-c', source, '-o', source[:-1] + 'o'], stderr=subprocess.DEVNULL)
    if not compiles(names):
        for n in names:
            if compiles(chosen + [n]):
                chosen.append(n)
        if not compiles(chosen):
            return None
    return source[:-1] + 'o'


def gc_head(hexversion, include):
    """bpo-27987, which pyenv patches into 3.6"""
    if hexversion >> 16 != 0x0306 or 'long double dummy' not in open(include + '/objimpl.h').read():
        return []
    return ['wide-gc-head']


class Check:
    def __init__(self):
        self.failures = []
        self.compared = 0

    def compare(self, what, fields, sizes, truth, covered, skip=()):
        for s, t in truth.items():
            if s in skip or (s not in sizes and s not in EXPLICIT):
                continue
            if s in sizes:
                self.one(what, 'sizeof ' + s, sizes[s], t['size'])
            for m, (offset, size) in fields.get(s, {}).items():
                covered.add((s, m))
                if m not in t['members']:
                    self.failures.append('%s: %s.%s is in the table at %d and not in the struct' % (what, s, m, offset))
                    continue
                self.one(what, s + '.' + m, offset, t['members'][m][0])
                if size != 65535:
                    self.one(what, 'size of ' + s + '.' + m, size, t['members'][m][1])
            if s not in EXPLICIT:
                for m in t['top']:
                    # 2.7 has the members of the head in each struct
                    if m in ('ob_base', 'ob_refcnt', 'ob_type', 'ob_size', '_ob_next', '_ob_prev') or any(k == m or k.startswith(m + '_') for k in fields.get(s, {})):
                        continue
                    if m in BESIDE:
                        continue
                    self.failures.append('%s: %s.%s is not in the table' % (what, s, m))

    def one(self, what, name, table, truth):
        self.compared += 1
        if table != truth:
            self.failures.append('%s: %s: the table says %d, the debug information %d' % (what, name, table, truth))


def isolated(version):
    return ['-S', '-E'] if version.startswith('2.') else ['-I', '-S']


def interpreters():
    text = subprocess.check_output([os.path.join(TOP, 'testsuite', 'find-pythons')]).decode()
    for line in text.splitlines():
        version, path, kind = line.split()[:3]
        if sys.argv[1:] and not version.startswith(tuple(sys.argv[1:])):
            continue
        if kind == 'pypy' or tuple(map(int, version.split('.')[:2])) not in KNOWN:
            continue
        code = ('import sys, sysconfig; v = sysconfig.get_config_var; print("%s %s %s %s" % (sys.hexversion, v("INSTSONAME"), '
                'v("LIBDIR"), v("DESTSHARED")))')
        out = subprocess.check_output([path] + isolated(version) + ['-c', code]).decode().split()
        yield version, [path], kind, int(out[0]), out[1:], ''
    for name in ('3.14', '3.15', '3.13-debug', '3.14-debug', '3.15-debug'):
        if sys.argv[1:] and not name.startswith(tuple(sys.argv[1:])):
            continue
        # what the machine lacks, in a chroot where one can be made
        p = subprocess.Popen([os.path.join(TOP, 'testsuite', 'cores', 'get-root'), name], stdout=subprocess.PIPE)
        root = p.communicate()[0].decode().strip()
        if p.returncode:
            continue
        path = '/usr/bin/python' + name.replace('-debug', '-dbg')
        python = ['chroot', root, path]
        out = subprocess.check_output(python + ['-I', '-S', '-c', 'import sys; print(sys.hexversion)'])
        yield name, python, 'root' + name[4:], int(out), ['', '', ''], root


def main():
    if not shutil.which('gdb'):
        print('skipped: no gdb')
        return 77
    check, seen = Check(), 0
    scratch = tempfile.mkdtemp()
    try:
        for version, python, kind, hexversion, (soname, libdir, shared), root in interpreters():
            flags = [f for mark, f in (('debug', 'debug'), ('t', 'free-threaded')) if mark in kind.split('-')]
            if 'debug' in flags and hexversion < 0x03080000:
                flags.append('trace-refs')
            include = include_of(python, version, root)
            flags += gc_head(hexversion, include)
            mimalloc = mimalloc_of(include)
            fields, sizes = layout(hexversion, flags + mimalloc)
            covered = set()
            files = [root + python[-1], os.path.join(libdir, soname)]
            for e in EXTENSIONS:
                files += glob.glob(os.path.join(shared, e + '.*so'))
            what = '%s (%s)' % (version, kind)
            for f in files:
                if os.path.isfile(f):
                    check.compare('%s %s' % (what, os.path.basename(f)), fields, sizes,
                                  dwarf(f, sorted(set(sizes) | set(EXPLICIT)), scratch), covered)
            variants = [([], flags)]
            if 'trace-refs' in flags:
                pass
            elif hexversion < 0x030d0000:
                variants.append((['-DPy_TRACE_REFS=1', '-DPy_REF_DEBUG=1'], flags + ['trace-refs']))
            elif 'free-threaded' not in flags:
                variants.append((['-DPy_GIL_DISABLED=1'], flags + ['free-threaded']))
            # in the headers of 3.15 it is pyconfig.h that makes a debug build's states
            if not flags and 0x03080000 <= hexversion < 0x030f0000:
                variants.append((['-DPy_DEBUG=1', '-DPy_REF_DEBUG=1'], ['debug']))
            for defines, wanted in variants:
                o = headers(include, defines, scratch, root)
                if not o:
                    print('%s: its headers do not compile %s' % (what, ' '.join(defines)))
                else:
                    f, s = layout(hexversion, wanted + mimalloc)
                    # trace-refs: the states hold objects since 3.8, and nobody has such a build
                    skip = EXPLICIT + ('PyThreadState', 'static_builtin_state') if 'trace-refs' in wanted else ()
                    if root and wanted == flags and '-debug' in kind:
                        skip += EXPLICIT  # which the program itself was held against
                    check.compare('%s headers %s' % (what, ' '.join(defines)), f, s,
                                  dwarf(o, sorted(set(s) | set(EXPLICIT)), scratch),
                                  covered if wanted == flags else set(), skip)
            seen += bool(covered)
            missing = sorted(s + '.' + m for s in fields for m in fields[s] if (s, m) not in covered)
            print('%s: %d rows covered, %d not%s' % (what, len(covered), len(missing),
                                                     ': ' + ' '.join(missing) if covered and missing else ''))
    finally:
        shutil.rmtree(scratch)
    for f in check.failures[:60]:
        print(f)
    print('%d comparisons, %d failures' % (check.compared, len(check.failures)))
    if not seen:
        print('skipped: no CPython with debug information or internal headers')
        return 77
    return bool(check.failures)


if __name__ == '__main__':
    sys.exit(main())
