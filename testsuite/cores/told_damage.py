# SPDX-License-Identifier: GPL-3.0-or-later
"""Does every verb that answers from the heap's columns say what the dump says of its core?"""
import json
import subprocess

ROWS = 'types', 'find', 'referents', 'referrers', 'roots', 'garbage', 'retained'
TAIL = ': what was there is lacking here, so numbers are low, and what it led to looks like garbage; verify lists the places'


def run(reader, *arguments):
    done = subprocess.run((reader,) + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode(errors='replace').splitlines(), done.stderr.decode(errors='replace').splitlines()


def warned(dump, lines, says):
    """one line that says all of these, and nothing else"""
    return len(lines) == 1 and lines[0].startswith('pyheap: %s: ' % dump) and lines[0].endswith(TAIL) and all(s in lines[0] for s in says)


def check(reader, dump, object, type, says, status, entries):
    """Problems, as texts.  `says` in the warning, None: there is to be none; `entries` of the damage in JSON"""
    problems = []
    verbs = [('types',), ('types', '--by-module'), ('memory',), ('find', '--limit=1', type), ('print', '--depth=1', object), ('referents', object), ('referrers', object),
             ('referrers', type), ('path', object), ('roots', '--limit=1'), ('garbage',), ('retained', '--limit=1'), ('export',)]
    for verb, *operands in verbs:
        for options in (['--json'], []) if verb != 'export' else ([],):
            name = ' '.join([verb] + options + operands)
            code, out, err = run(reader, verb, *options, dump, *operands)
            if code != status or not out or not (warned(dump, err, says) if says is not None else not err):
                problems.append('%s: status %d, %d lines, %r' % (name, code, len(out), err))
            if any('damaged' in line for line in out if not options and verb not in ('export', 'find', 'print')):
                problems.append('%s says it twice' % name)
            if not options or not out:
                if verb == 'export' and any('address' not in json.loads(line) for line in out):
                    problems.append('export has more than objects')
                continue
            if verb == 'print':
                continue
            found = json.loads('\n'.join(out)) if verb not in ROWS else json.loads(out[-1])
            lines = [line for line in out if '"damage":' in line or '"damage": ' in line]
            if ('damage' in found) != (says is not None) or len(lines) > 1:
                problems.append('%s: %r in its last line' % (name, found.get('damage')))
            elif says is not None and [(d['kind'], d['where'], d['what'], d['count']) for d in found['damage']] != entries:
                problems.append('%s tells of %r' % (name, found['damage']))
            elif verb in ROWS and 'damage' in found and set(found) - {'damage', 'damage_dropped', 'missing'}:
                problems.append('%s: its last line is %r' % (name, found))
    # what is not found may have been there
    for verb, operand, whole in (('find', 'NoSuchType', None), ('path', '0x10', 1), ('print', '0x10', 1)):
        code, out, err = run(reader, verb, dump, operand)
        if (whole and code != whole) or len(err) != 1 + (says is not None) or (says is not None and not [line for line in err if warned(dump, [line], says)]):
            problems.append('%s %s: status %d, %r' % (verb, operand, code, err))
    # help and the stacks are none of it
    for verb in ('threads', 'exceptions', 'tasks'):
        code, out, err = run(reader, verb, dump)
        if code or err:
            problems.append('%s: status %d, %r' % (verb, code, err))
    return problems
