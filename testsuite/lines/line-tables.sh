#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The line tables of the standard library, as each interpreter of this machine reads them itself.
set -u
compare=${top_builddir:-.}/testsuite/lines/compare-lines
here=${top_srcdir:-.}/testsuite
count=0
failed=0
for version in 3.8 3.9 3.10 3.11 3.12 3.13 system; do
	python=$("$here/find-pythons" --one "$version") || continue
	lines=$(mktemp) || exit 99
	"$python" "$here/lines/code-lines.py" >"$lines" || { rm -f "$lines"; exit 99; }
	result=$("$compare" <"$lines") || failed=$((failed + 1))
	rm -f "$lines"
	echo "$version: $result"
	count=$((count + 1))
done
[ "$count" -gt 0 ] || exit 77
[ "$failed" -eq 0 ]
