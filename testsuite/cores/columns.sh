#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The dump's columns as zarr reads them agree with `pyheap export`, and values with what `pyheap print` shows.
. "$top_srcdir/testsuite/cores/common.sh"
reader=
for p in /usr/bin/python3 "$PYTHON3"; do
	[ -n "$reader" ] || ! "$p" -c 'import zarr, numpy' 2>/dev/null || reader=$p
done
[ -n "$reader" ] || skip "no Python with zarr (Debian: python3-zarr)"

tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.13 system}; do
	python=$(need_python "$version") || continue
	tried="$tried $version"
	core=$("$cores/get-core" "$version" abort) || { fail "Python $version: no core"; continue; }
	for mode in secrets none; do
		run 0 "$CORE2PYHEAP" --report=none --redact=$mode -o "$work/dump" "$core/core" "$python"
		run 0 "$PYHEAP" export "$work/dump"
		cp "$work/out" "$work/objects"
		check "columns of Python $version, --redact=$mode" \
			"$reader" "$cores/check_columns.py" "$work/dump" "$work/objects" "$PYHEAP"
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
finish
