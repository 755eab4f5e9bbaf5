#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The commands in a real gdb: over a core of one Python, over a live process of it, and over one of its stripped copy; of a
# Python in another root, over a process in that root.
#
# usage: gdb-commands.sh VERSION|VERSION-debug|system
set -u
here=$(cd "$(dirname "$0")" && pwd)
version=$1
command -v gdb >/dev/null || { echo "no gdb here"; exit 77; }
[ -f "$top_builddir/gdb-scripts/pyheap-gdb.py" ] || { echo "the module for gdb was not built"; exit 77; }
gdb -nx -batch -ex 'python import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1 ||
	{ echo "this gdb has no Python 3.6 or newer"; exit 77; }
core=$("$here/../cores/get-core" "$version" abort) || exit $?
python=$(cat "$core/python")
work=$(mktemp -d "${TMPDIR:-/tmp}/pyheap-gdb.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
PYTHONDONTWRITEBYTECODE=1 "$PYTHON3" "$here/gdb_commands.py" "$python" "$core" "$work"
