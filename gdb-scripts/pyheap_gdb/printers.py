# SPDX-License-Identifier: GPL-3.0-or-later
"""How gdb prints a pointer to a Python object: as its repr.  Objects of C types that the library does not know have their
members too, as gdb knows them or word by word."""
import re

import gdb

import _pyheap

from . import process, target

NAME = 'pyheap'
REPR_MAXIMUM = 200
HEAD_DEPTH = 4  # structs within structs that begin with the head of an object
GENERIC = re.compile(r'_?Py(?:Var|Type|HeapType)?Object$|_object$|_typeobject$|_heaptypeobject$')


def repr_of(t, address):
    """With as many characters as `set print elements' says."""
    maximum = gdb.parameter('print elements') or REPR_MAXIMUM
    return _pyheap.repr(t.session, address, min(maximum, REPR_MAXIMUM))


# gdb prints a str that stands for a variable as an array of char.  A Python variable is a pointer of a type that
# nobody uses, and of those that were handed out.
_given = set()


def marked_type():
    return gdb.lookup_type('void').const().volatile().pointer()


def as_value(address):
    try:
        value = gdb.Value(address).cast(marked_type())
    except gdb.error:
        return repr_of(target.current(), address)
    _given.add(address)
    return value


# ---- structs that begin as an object does ----

_heads = {}


def begins_as_object(struct, depth=HEAD_DEPTH):
    """Whether it has ob_type, in itself or in the struct that it begins with."""
    if struct.code != gdb.TYPE_CODE_STRUCT:
        return False
    fields = struct.fields()
    if any(f.name == 'ob_type' for f in fields[:6]):
        return True
    return bool(depth and fields and fields[0].type and begins_as_object(fields[0].type.strip_typedefs(), depth - 1))


def is_object_pointer(value_type):
    if value_type.code != gdb.TYPE_CODE_PTR:
        return False
    struct = value_type.target().unqualified().strip_typedefs()
    name = struct.tag or struct.name
    if struct.code != gdb.TYPE_CODE_STRUCT:
        return False
    if name is None:
        return begins_as_object(struct)
    # the same name may be another struct in another program
    key = name, struct.sizeof
    if key not in _heads:
        _heads[key] = name == '_object' or begins_as_object(struct)
    return _heads[key]


# ---- the C type of an object ----

def struct_named(name, size):
    for prefix in ('', 'struct '):
        try:
            struct = gdb.lookup_type(prefix + name).strip_typedefs()
        except gdb.error:
            continue
        if struct.code == gdb.TYPE_CODE_STRUCT and struct.sizeof == size and begins_as_object(struct):
            return struct
    return None


def struct_by_symbol(address, size):
    """PointType is the type of PointObject, Point_Type of Point."""
    m = re.match(r'(\w+) in section', gdb.execute('info symbol 0x%x' % address, to_string=True))
    stem = re.match(r'(.*?)_?[Tt]ype\d*$', m.group(1)) if m else None
    for ending in ('Object', '', '_object', 'object', 'Obj') if stem else ():
        found = struct_named(stem.group(1) + ending, size)
        if found:
            return found
    return None


def pointed_struct(symbol, size):
    kind = symbol.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_PTR:
        return None
    struct = kind.target().unqualified().strip_typedefs()
    if struct.code != gdb.TYPE_CODE_STRUCT or GENERIC.match(struct.tag or struct.name or '') or struct.sizeof != size:
        return None
    return struct if begins_as_object(struct) else None


def struct_by_function(address, size):
    """What tp_dealloc and its kin take, or cast their argument to."""
    block = gdb.block_for_pc(address)
    while block is not None and block.function is None:
        block = block.superblock
    if block is None or block.start != address:
        return None
    for symbol in block:
        if symbol.is_argument or symbol.is_variable:
            found = pointed_struct(symbol, size)
            if found:
                return found
    return None


def struct_of(types):
    """gdb's own type of an object of the first of these types that it has one for; None when there is no DWARF."""
    for name, address, size, functions in types:
        if name == 'object':
            return None
        found = struct_by_symbol(address, size)
        for function in functions if not found else ():
            found = found or struct_by_function(function, size)
        if found:
            return found
    return None


def members(address, struct):
    """(name, value) of what is behind the head."""
    value = gdb.Value(address).cast(struct.pointer()).dereference()
    for field in struct.fields():
        head = field.name in ('ob_base', 'ob_refcnt', 'ob_type', 'ob_size', '_ob_next', '_ob_prev') or not field.name
        kind = field.type.strip_typedefs()
        if head or kind.code == gdb.TYPE_CODE_STRUCT and not field.bitpos and begins_as_object(kind):
            continue
        yield field.name, value[field]


def word_value(t, word, is_object):
    if is_object:
        return as_value(word)
    # a symbol behind it, when it points to one
    return gdb.Value(word).cast(gdb.lookup_type('void').pointer())


def parts(t, address, known):
    """(name, value) of an object whose C type only gdb knows, or nobody."""
    struct = struct_of(known[1])
    if struct is not None:
        return list(members(address, struct))
    return [('+0x%x' % offset, word_value(t, word, is_object)) for offset, word, is_object in known[2]]


class Text(object):
    """A Python variable of a frame."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


class OpaqueObject(Text):
    """With its members."""

    def __init__(self, text, t, address, known):
        super(OpaqueObject, self).__init__(text)
        self.arguments = t, address, known

    def children(self):
        try:
            return iter(parts(*self.arguments))
        except Exception:
            return iter(())


def printer_of(t, value):
    address = process.unsigned(value)
    known = _pyheap.object(t.session, address)
    if known is None:
        return None
    text = repr_of(t, address)
    return OpaqueObject(text, t, address, known) if known[0] else Text(text)


def of_libpython(value):
    """CPython's own goes first, which its py-bt relies upon, also where it was loaded later."""
    for other in gdb.pretty_printers:
        if getattr(other, '__name__', '') == 'pretty_printer_lookup':
            found = other(value)
            if found is not None:
                return found
    return None


def look_up(value):
    try:
        if value.type.code not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_TYPEDEF):
            return None
        kind = value.type.strip_typedefs()
        marked = kind == marked_type() and int(value) in _given
        if not marked and not is_object_pointer(kind):
            return None
        t = target.current_or_none()
        if t is None:
            return None
        return Text(repr_of(t, process.unsigned(value))) if marked else of_libpython(value) or printer_of(t, value)
    except Exception:  # gdb prints the pointer
        return None


class Printers(object):
    """`disable pretty-printer global pyheap' is without them."""

    def __init__(self):
        self.name = NAME
        self.enabled = True

    def __call__(self, value):
        return look_up(value)


def register():
    # CPython's libpython.py comes first where it is loaded
    if not any(getattr(p, 'name', None) == NAME for p in gdb.pretty_printers):
        gdb.pretty_printers.append(Printers())
