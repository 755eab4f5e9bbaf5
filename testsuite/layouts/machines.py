#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the layouts of other machines against the headers of this machine's CPythons, compiled by cross compilers
(Debian's gcc-aarch64-linux-gnu, gcc-arm-linux-gnueabihf, gcc-i686-linux-gnu with their libc6-dev-*-cross), as rows.py does for
this machine.  A pyconfig.h of another machine is made by src/layout/gen-offsets.  For Windows, mingw-w64 compiles the headers of
the 64-bit Pythons of PYHEAP_WINDOWS_PYTHONS, whose pyconfig.h is another.
"""
import importlib.machinery
import importlib.util
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get('top_srcdir', os.path.join(HERE, '..', '..'))
MACHINES = [('aarch64-linux-gnu-gcc', ['8', '8', 'lock=48']), ('arm-linux-gnueabihf-gcc', ['4', '4', 'lock=24']),
            ('i686-linux-gnu-gcc', ['4', '4', 'align4', 'lock=24'])]
WINDOWS = ('x86_64-w64-mingw32-gcc', ['8', '4', 'lock=0'])
# mutexes of Windows are not described; what mingw-w64 takes for another width of digits, and for a long double, is not MSVC's
NOT_MSVC = re.compile(r'gil_runtime_state|PyLongObject\.ob_digit|\b307\d\d .*(PyGC_Head|gc_generation|gc_runtime_state)')


def load(name, path):
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def windows_includes():
    """version as a number -> folders"""
    found = {}
    for python in os.environ.get('PYHEAP_WINDOWS_PYTHONS', '').split(':'):
        folder = os.path.join(os.path.dirname(python), 'include')
        try:
            with open(os.path.join(folder, 'patchlevel.h')) as f:
                parts = dict(re.findall(r'define PY_(M\w+)_VERSION\s+(\d+)', f.read()))
        except OSError:
            continue
        found[int('%s%02d%02d' % tuple(int(parts[n]) for n in ('MAJOR', 'MINOR', 'MICRO')))] = [folder]
    return found if shutil.which(WINDOWS[0]) else {}


def main():
    rows = load('rows', os.path.join(HERE, 'rows.py'))
    offsets = load('offsets', os.path.join(TOP, 'src', 'layout', 'gen-offsets'))
    machines = [m for m in MACHINES if shutil.which(m[0])]
    if not machines or not shutil.which('gdb-multiarch'):
        print('skipped: no cross compiler, or no gdb-multiarch')
        return 77
    check, seen = rows.Check(), 0
    scratch = tempfile.mkdtemp()
    try:
        work = [(v, f, m) for v, f in sorted(offsets.includes().items()) for m in machines]
        for version, folders, machine in work + [(v, f, WINDOWS) for v, f in sorted(windows_includes().items())]:
            compiler, flags = machine
            include = offsets.copy_headers(folders, scratch, [compiler])
            o = offsets.compile_headers(include, [compiler], scratch)
            if not o:
                print('%d: does not compile with %s' % (version, compiler))
                continue
            hexversion = version // 10000 << 24 | version // 100 % 100 << 16 | version % 100 << 8 | 0xf0
            fields, sizes = rows.layout(hexversion, flags + rows.gc_head(hexversion, include))
            covered = set()
            check.compare('%d %s' % (version, compiler), fields, sizes, offsets.read(o, sizes, scratch), covered)
            print('%d %s: %d rows covered' % (version, compiler, len(covered)))
            seen += bool(covered)
    finally:
        shutil.rmtree(scratch)
    check.failures = [f for f in check.failures if WINDOWS[0] not in f or not NOT_MSVC.search(f)]
    for f in check.failures[:60]:
        print(f)
    print('%d comparisons, %d failures' % (check.compared, len(check.failures)))
    return bool(check.failures) or not seen


if __name__ == '__main__':
    sys.exit(main())
