#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What Python 2 calls text is shown as text, its unicode with a u: in labels of paths, in print, in find and its conditions.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
for version in 2.7 2.7-ucs2 2.7-debug; do
	python=$(need_python "$version") || continue
	seen=$((seen + 1))
	need_core "$work/made" "$python" "$cores/python2_text_program.py" "$work/truth"
	at() { sed 's/.*"'"$1"'": "\([^"]*\)".*/\1/' "$work/truth"; }
	for redact in none secrets; do
		run 0 "$CORE2PYHEAP" --report=none --redact=$redact -o "$work/dump" "$work/made/core" "$python"
		run 0 "$PYHEAP" path "$work/dump" "$(at seven)"
		out_says "^module __main__ → APP → App.cache → \['user:7'\]"
		run 0 "$PYHEAP" print --depth=3 "$work/dump" "$(at app)"
		out_says "\.user .*  str 'anna'"
		out_says "\.label .*  str 'label of anna'"
		out_says "  unicode u'.u20ac'"
		run 0 "$PYHEAP" referents "$work/dump" "$(at cache)"
		out_says "\['user:7'\]"
		out_says "\[u'stra.xdfe'\]"
		out_says "\['caf.xc3.xa9.x00'\]"
		run 0 "$PYHEAP" find "$work/dump" __main__.Text
		out_says "^$(at own)  __main__.Text 'own str',"
		run 0 "$PYHEAP" find --where "value == 'label of anna'" "$work/dump" str
		check "found by text" [ "$(grep -c "^0x.*  str 'label of anna', .* bytes" "$work/out")" -eq 1 ]
		run 0 "$PYHEAP" find --where 'value ~ label?of*' "$work/dump" str
		check "found by pattern" [ "$(grep -c "^0x.*  str 'label of " "$work/out")" -ge 1 ]
		run 0 "$PYHEAP" find --where 'value ~ *long?end' "$work/dump" str
		check "all of a longer one is there" [ "$(grep -c "^0x.*  str 'long long " "$work/out")" -eq 1 ]
		run 0 "$PYHEAP" find --where 'value == 726177' "$work/dump" bytearray
		out_says "^$(at raw)  bytearray b'raw'"
		run 0 "$PYHEAP" find --where 'value == hunter2' "$work/dump" str
		check "secrets" [ "$(grep -c '^0x' "$work/out")" -eq "$([ $redact = none ] && echo 1 || echo 0)" ]
		rm -f "$work/dump"
	done
done
[ "$seen" -gt 0 ] || skip "no Python 2.7"
finish
