#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The dump's columns as zarr reads them agree with `pyheap export`, and values with what `pyheap print` shows.
. "$top_srcdir/testsuite/cores/common.sh"
reader=
for p in /usr/bin/python3 "$PYTHON3"; do
	[ -n "$reader" ] || ! "$p" -c 'import zarr, numpy' 2>/dev/null || reader=$p
done
[ -n "$reader" ] || skip "no Python with zarr (Debian: python3-zarr)"

# compare WHAT MODE ARGUMENT...: a dump of the core, with that redaction
compare() {
	what=$1 mode=$2
	shift 2
	run 0 "$CORE2PYHEAP" --report=none --redact="$mode" -o "$work/dump" "$@"
	run 0 "$PYHEAP" export "$work/dump"
	cp "$work/out" "$work/objects"
	check "columns of $what, --redact=$mode" "$reader" "$cores/check_columns.py" "$work/dump" "$work/objects" "$PYHEAP"
}

tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.13 system 3.13-t 3.11-i386}; do
	# the builds and machines that are at hand
	core=$("$cores/get-core" "$version" abort 2>"$work/why") || {
		case $version in *-*) ;; *) need_python "$version" >/dev/null && fail "Python $version: no core" ;; esac
		continue
	}
	tried="$tried $version"
	case $version in
	*-*)
		compare "Python $version" secrets --sysroot="$work/cwd" "$core/core"
		continue
		;;
	esac
	python=$(cat "$core/python")
	for mode in secrets none; do
		compare "Python $version" $mode "$core/core" "$python"
	done
	# types reads no text: a dump whose texts are cut away still has them
	run 0 "$PYHEAP" types "$work/dump"
	check "without texts" "$reader" "$cores/check_columns.py" --without-texts "$work/dump" "$work/less"
	cp "$work/out" "$work/types"
	run 0 "$PYHEAP" types "$work/less"
	check "types without texts differ" cmp -s "$work/out" "$work/types"
	run 1 "$PYHEAP" export "$work/less"
	one_line_error 'string/bytes/0'
done
[ -n "$tried" ] || skip "no Python"

# a machine that is big-endian; large, beside the repository
corpus=${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}
[ ! -s "$top_builddir/$corpus/trixie-s390x-py3.13/core.zst" ] || corpus=$top_builddir/$corpus
if [ -s "$corpus/trixie-s390x-py3.13/core.zst" ]; then
	compare s390x none --sysroot="$work/cwd" "$corpus/trixie-s390x-py3.13/core.zst"
else
	echo "not tried: a core of s390x"
fi

# without the heap there are no columns, and nothing that claims to be a store
for heap in stacks none; do
	run 0 "$CORE2PYHEAP" --report=none --heap=$heap -o "$work/dump" "$core/core"
	run 2 "$PYHEAP" export "$work/dump"
	one_line_error 'does not hold the whole heap: make it with core2pyheap --heap=full'
	check "--heap=$heap: no columns" "$reader" -c '
import sys, zarr, zipfile
assert not [n for n in zipfile.ZipFile(sys.argv[1]).namelist() if "/." in n or n.startswith("object")]
try:
    zarr.open(zarr.ZipStore(sys.argv[1], mode="r"), mode="r")
except ValueError:
    sys.exit(0)
sys.exit(1)' "$work/dump"
done
finish
