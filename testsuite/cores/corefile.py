# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a 64-bit, little-endian ELF core whose words can be altered by their addresses."""
import shutil
import struct


class Altered:
    def __init__(self, core, copy):
        shutil.copyfile(core, copy)
        self.path = copy
        self.file = open(copy, 'r+b')
        head = self.file.read(64)
        offset, = struct.unpack_from('<Q', head, 32)
        size, count = struct.unpack_from('<HH', head, 54)
        self.segments = []  # address, place in the file, bytes, whether it is writable
        for i in range(count):
            self.file.seek(offset + i * size)
            kind, flags, at, address, _, held, _, _ = struct.unpack('<IIQQQQQQ', self.file.read(56))
            if kind == 1 and held:
                self.segments.append((address, at, held, bool(flags & 2)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def place(self, address):
        """in the file; None: not in the core"""
        for start, at, held, _ in self.segments:
            if start <= address < start + held:
                return at + address - start
        return None

    def read(self, address, size):
        self.file.seek(self.place(address))
        return self.file.read(size)

    def get(self, address):
        return struct.unpack('<Q', self.read(address, 8))[0]

    def write(self, address, data):
        self.file.seek(self.place(address))
        self.file.write(data)

    def put(self, address, value):
        self.write(address, struct.pack('<Q', value))

    def pool(self, address):
        """the pool of pymalloc that holds the address, and the first of its free blocks, 0: none; None: no pool"""
        for size in (4096, 16384):
            at = address & -size
            if self.place(at) is None or self.place(at + size - 1) is None:
                continue
            header = self.read(at, 48)
            count, = struct.unpack_from('<I', header)
            free, = struct.unpack_from('<Q', header, 8)
            _, index, _, most = struct.unpack_from('<IIII', header, 32)
            if size - most in ((index + 1) * 8, (index + 1) * 16) and 0 < count < 2048:
                return at, free if at < free < at + size else 0
        return None
