#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A dump of which each member is altered, and that is cut anywhere: what the verbs say then.  And verbs that are interrupted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
for version in ${*:-3.12 system 3.11 3.9}; do
	python=$("$here/../find-pythons" --one "$version") && break
done
[ -n "$python" ] || { echo "no Python here"; exit 77; }
"$here/../cores/make-core" "$work/core" "$python" "$here/damage_program.py" "$work/truth" || exit
timeout 120 "$CORE2PYHEAP" --report=none -o "$work/whole.pyheap" "$work/core/core" "$python" 2>"$work/stderr" || {
	cat "$work/stderr"
	exit 1
}
status=0
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
timeout 120 "$PYTHON3" "$here/check_progress.py" "$PYHEAP" "$work/whole.pyheap" "$work/truth" || status=1
timeout 300 "$PYTHON3" "$here/check_damage.py" "$PYHEAP" "$work/whole.pyheap" "$work/truth" || status=1
exit $status
