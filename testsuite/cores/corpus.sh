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

	# at 99 % the main thread's C stack and the list are gone, at 90 % data stacks and a part of the heap, at 10 % all but the
	# program's own data; then that too
	zstd -dqf "$folder/core.zst" -o "$work/cut"
	size=$(wc -c <"$work/cut")
	for percent in 99 90 10 0; do
		truncate -s $((size / 100 * percent + 12288)) "$work/cut"
		run 1 "$CORE2PYHEAP" --no-dump --report=json --redact=none --sysroot="$work/empty" "$work/cut"
		"$PYTHON3" - "$work/report.json" "$work/out" "$percent" >"$work/said" 2>&1 <<-'T' ||
			import json, sys
			whole, cut = (json.load(open(name)) for name in sys.argv[1:3])
			percent = int(sys.argv[3])
			threads = lambda r: len(r["threads"]) + len(r["native_threads"])
			functions = lambda r: {t["native_id"]: [f["function"] for f in t["frames"]] for t in r["threads"]}
			assert cut["image"]["complete"] is False and cut["image"]["signal"]["name"] == "SIGABRT"
			assert threads(whole) == threads(cut)
			if percent:
			    assert cut["python"]["version"] == whole["python"]["version"], cut["python"]
			    assert len(cut["threads"]) >= 4
			    for thread, names in functions(cut).items():
			        want = functions(whole)[thread]
			        # what is told is true: of callees the callers may be lost, and the reverse
			        assert len(names) <= len(want) and set(names) <= set(want) | {None, "?"}, (names, want)
			if percent == 99:
			    assert len(cut["threads"]) == len(whole["threads"])
			    assert sum(map(len, functions(cut).values())) >= 0.5 * sum(map(len, functions(whole).values()))
			if not percent:
			    assert any("is cut: " in d["what"] and "bytes of memory are missing" in d["what"]
			               for d in cut["damage"]), cut["damage"]
		T
			fail "$name, cut to $percent %: $(tail -n 1 "$work/said")"
		[ "$percent" != 10 ] || {
			run 1 "$CORE2PYHEAP" --no-dump --sysroot="$work/empty" "$work/cut"
			! grep -q 'never ran Python\|without Python' "$work/out" ||
				fail "of a thread of the cut $name it is said that it never ran Python"
		}
	done
	rm "$work/cut"
done
[ -n "$found" ] || skip "no corpus at $corpus"
finish
