# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by gdb: the offset and size of every member of the structs named in $STRUCTS, as JSON into $OUT.

Members of members are joined with "_"; unnamed ones add nothing.  Arrays give the size of an element.  Knows nothing of
the project's tables.
"""
import json
import os

import gdb

ALIASES = {
    'PyRuntimeState': ['_PyRuntimeState', 'pyruntimestate'],
    'PyInterpreterState': ['PyInterpreterState', '_is'],
    'PyThreadState': ['PyThreadState', '_ts'],
    'PyCFrame': ['_PyCFrame', 'CFrame', '_cframe'],
    'PyDictKeysObject': ['PyDictKeysObject', '_dictkeysobject'],
    'PyDictValues': ['PyDictValues', '_dictvalues'],
    'gc_generation': ['gc_generation', 'PyGC_generation'],
    'static_builtin_state': ['static_builtin_state', 'managed_static_type_state'],
    'PyListIterObject': ['_PyListIterObject', 'listiterobject'],
    'PyTupleIterObject': ['_PyTupleIterObject', 'tupleiterobject'],
    'PyRangeIterObject': ['_PyRangeIterObject', 'rangeiterobject'],
    'PyStackChunk': ['_PyStackChunk', '_stack_chunk'],
    'PyCDataObject': ['CDataObject'],
    'PyDictViewObject': ['_PyDictViewObject', 'PyDictViewObject', 'dictviewobject'],
    'PyBytesObject': ['PyBytesObject', 'PyStringObject'],
}
STRUCTURES = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)


def candidates(name):
    for n in ALIASES.get(name, [name, '_' + name]):
        yield n
        yield 'struct ' + n


def find(name):
    for n in candidates(name):
        try:
            t = gdb.lookup_type(n).strip_typedefs()
            if t.code in STRUCTURES and len(t.fields()):
                return t
        except (gdb.error, TypeError):
            pass
    return None


def walk(t, prefix, base, depth, out):
    for f in t.fields():
        if not hasattr(f, 'bitpos'):
            continue
        s = f.type.strip_typedefs()
        offset = base + f.bitpos // 8
        name = prefix + f.name if f.name else prefix.rstrip('_')
        size = s.sizeof
        if s.code == gdb.TYPE_CODE_ARRAY:
            size = s.target().strip_typedefs().sizeof
        if f.bitsize:
            offset -= offset % s.sizeof
        if name and name not in out:
            out[name] = [offset, size]
        if s.code in STRUCTURES and depth < 5 and size < 1 << 20:
            walk(s, name + '_' if f.name else prefix, offset, depth + 1, out)


result = {}
for name in os.environ['STRUCTS'].split():
    t = find(name)
    if t is not None:
        members = {}
        walk(t, '', 0, 0, members)
        # the value of an int was a member of PyLongObject once
        for k in list(members):
            if k.startswith('long_value_'):
                members.setdefault(k[len('long_value_'):], members[k])
        result[name] = {'size': t.sizeof, 'members': members,
                        'top': [f.name for f in t.fields() if f.name and hasattr(f, 'bitpos')]}
with open(os.environ['OUT'], 'w') as f:
    json.dump(result, f)
