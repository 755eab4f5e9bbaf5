#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Cores of other machines that are slow or awkward to make (qemu-user's of arm64, riscv64 and s390x: no list of mapped files,
# no siginfo, the latter big-endian), with what the interpreter wrote of itself: the report, the tasks and the whole heap,
# the core alone.
# They are large and not in the repository: ../shared/corpus beside it, or PYHEAP_CORPUS.
. "$top_srcdir/testsuite/cores/common.sh"

corpus=${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}
case $corpus in
/*) ;;
*) corpus=$(cd "$top_builddir" && cd "$corpus" 2>/dev/null && pwd) ;;
esac
command -v zstd >/dev/null || skip "there is no zstd"
found=
for folder in "$corpus"/*/; do
	[ -s "$folder/core.zst" ] && [ -s "$folder/gt.json.zst" ] || continue
	found=$folder
	name=$(basename "$folder")
	zstd -dqf "$folder/gt.json.zst" -o "$work/gt.json"
	zstd -dqf "$folder/heap.tsv.zst" -o "$work/heap.tsv"
	mkdir -p "$work/empty"
	run 0 "$CORE2PYHEAP" --report=json --redact=none --sysroot="$work/empty" -o "$work/$name.pyheap" "$folder/core.zst"
	mv "$work/out" "$work/report.json"
	run 0 "$PYTHON3" "$cores/check_report.py" --tasks "$work/report.json" "$work/gt.json"
	echo "$name: $(tail -n 1 "$work/out")"
	"$PYHEAP" export --format=jsonl "$work/$name.pyheap" >"$work/objects.jsonl"
	run 0 "$PYTHON3" "$cores/check_heap.py" "$work/objects.jsonl" "$work/heap.tsv" 0.998
	echo "$name: $(tail -n 1 "$work/out")"
	rm -f "$work/$name.pyheap" "$work/objects.jsonl"
done
[ -n "$found" ] || skip "no corpus at $corpus"
finish
