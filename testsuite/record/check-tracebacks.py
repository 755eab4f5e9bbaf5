# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains, notes, groups and recursion, printed by us and by traceback.format_exception() of the Python that runs this.

Groups want 3.11; carets are a golden file's matter (their form changes with every version)."""
import json
import os
import subprocess
import sys
import traceback

HELPER = os.path.join(os.environ.get('top_builddir', '.'), 'testsuite/record/record-helper')
GROUPS = sys.version_info >= (3, 11)


def frames(tb):
    lines = []
    for f in traceback.extract_tb(tb):
        lines.append({'function': f.name, 'file': f.filename, 'line': f.lineno, 'source': f.line or None})
    return lines


def record(e, depth=1):
    if e is None:
        return None
    if depth > 8:
        return {'ref': hex(id(e))}
    return {'type': type(e).__qualname__, 'module': type(e).__module__, 'message': str(e),
            'notes': getattr(e, '__notes__', []), 'traceback': frames(e.__traceback__),
            'cause': record(e.__cause__, depth + 1), 'context': record(e.__context__, depth + 1),
            'suppress_context': e.__suppress_context__,
            'exceptions': [record(m, depth + 1) for m in getattr(e, 'exceptions', [])],
            'address': hex(id(e)), 'state': 'handled'}


def ours(e):
    report = {'format': 'pyheap-report', 'version': 1, 'threads': [{'id': 1, 'name': 'T', 'exceptions': [record(e)]}]}
    out = subprocess.run([HELPER, 'exceptions'], input=json.dumps(report).encode(), stdout=subprocess.PIPE, check=True)
    head, _, rest = out.stdout.decode().partition('\n\n')
    assert head == 'T was handling:', head
    return rest


def theirs(e):
    text = ''.join(traceback.format_exception(type(e), e, e.__traceback__))
    return '\n'.join(l for l in text.split('\n') if l.strip(' |') == '' or l.strip(' |^~'))


def recurse(n, other=0):
    if n == other:
        raise RecursionError
    recurse(n - 1)


def chain():
    try:
        try:
            {}['missing']
        except KeyError as e:
            raise ValueError('bad', 42) from e
    except ValueError:
        raise OSError(2, 'No such file', '/x')


def suppressed():
    try:
        1 / 0
    except ZeroDivisionError:
        raise ValueError('two\nlines\n\nand a blank one') from None


class Error(Exception):
    class Inner(Exception):
        pass


def qualified():
    raise Error.Inner


def foreign():
    json.loads('{')


def noted():
    e = ValueError('with notes')
    e.add_note('first')
    e.add_note('of two\nlines')
    raise e


def some(n):
    found = []
    for i in range(n):
        try:
            [chain, suppressed, qualified, lambda: recurse(9)][i % 4]()
        except Exception as e:
            found.append(e)
    return found


def group():
    raise ExceptionGroup('many', some(3))


def nested():
    try:
        raise ExceptionGroup('outer', [ValueError(1), ExceptionGroup('inner', some(2)), TypeError('t')])
    except ExceptionGroup as e:
        raise ExceptionGroup('last one is a group', [KeyError(1), ExceptionGroup('i', [ExceptionGroup('j', some(1))])]) from e


def wide():
    raise ExceptionGroup('wide', [ValueError(i) for i in range(20)])


def just_wide():
    raise ExceptionGroup('wide', [ValueError(i) for i in range(16)])


def main():
    failed = 0
    cases = [chain, suppressed, qualified, foreign] + [lambda n=n: recurse(n) for n in (0, 1, 2, 3, 4, 20)]
    cases += [noted, group, nested, wide, just_wide] if GROUPS else []
    for case in cases:
        try:
            case()
        except BaseException as e:
            got, want = ours(e), theirs(e)
            if got != want:
                failed += 1
                print('---- %s: got\n%s\n---- not\n%s' % (case.__name__, got, want))
    print('%d of %d as Python prints them' % (len(cases) - failed, len(cases)))
    sys.exit(failed != 0)


main()
