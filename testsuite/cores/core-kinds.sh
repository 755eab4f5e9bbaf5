#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# How a core was kept and how far the process had come: systemd-coredump's files, a core that `ulimit -c` cut, a recursion of
# 1,500 frames.
. "$top_srcdir/testsuite/cores/common.sh"
python=$(need_python system 3.11 3.12 3.10 3.13) || skip "no Python"
need_core "$work/crash" "$python" "$cores/crash.py"
run 0 "$CORE2PYHEAP" --no-dump --report=json "$work/crash/core" "$python"
cp "$work/out" "$work/plain.json"

# ---- systemd-coredump's: its names, the formats that it writes ----

mkdir "$work/coredump"
base=$work/coredump/$(printf 'core.python3\\x2e11.0.0123456789abcdef0123456789abcdef.4711.1700000000000000')
kept() { # FILE
	run 0 "$CORE2PYHEAP" --no-dump --report=json "$1" "$python"
	check "${1##*.}: the report differs" cmp "$work/out" "$work/plain.json"
	run 0 "$CORE2PYHEAP" --report=none --heap=none "$1"
	check "${1##*.}: no dump beside" sh -c 'ls core.python3*.pyheap >/dev/null && rm core.python3*.pyheap'
	no_dump_left
}
for format in zst lz4 xz; do
	case $format in
	zst) set -- zstd -q -1 ;;
	lz4) set -- lz4 -q -1 ;;
	xz) set -- xz -0 -c ;;
	esac
	command -v "$1" >/dev/null || {
		echo "not tried: $format, there is no $1"
		continue
	}
	"$@" <"$work/crash/core" >"$base.$format" || exit 99
	touch -r "$work/crash/core" "$base.$format"
	kept "$base.$format"
	# as `coredumpctl dump` and `zstdcat` hand it on
	last="$CORE2PYHEAP - <$base.$format"
	timeout "$seconds" "$CORE2PYHEAP" --no-dump --report=json - "$python" <"$base.$format" >"$work/out" 2>"$work/err"
	wanted=0
	judge
	json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "main", "handle"]'
	# what a full disk leaves of it
	head -c $(($(wc -c <"$base.$format") / 10 * 9)) "$base.$format" >"$work/part.$format"
	run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/part.$format" "$python"
	json_check 'r["image"]["complete"] is False and r["damage"] and r["image"]["signal"]["name"] == "SIGABRT"'
done
cp "$work/crash/core" "$base"
kept "$base"

# ---- ulimit -c ----

case $(cat /proc/sys/kernel/core_pattern 2>/dev/null) in
core | core.%p)
	# blocks of 512 bytes
	for limit in 8 64 512 2048; do
		mkdir "$work/limit-$limit"
		(
			cd "$work/limit-$limit" || exit
			ulimit -c "$limit"
			exec "$python" "$cores/crash.py" >/dev/null 2>&1 </dev/null
		)
		file=$(ls "$work/limit-$limit"/core* 2>/dev/null) || continue
		run "1 3" "$CORE2PYHEAP" --no-dump --report=json "$file" "$python"
		[ "$status" = 3 ] || json_check 'r["image"]["complete"] is False and any("missing" in d["what"] for d in r["damage"])
			and r["image"]["signal"]["name"] == "SIGABRT"'
		[ "$status" = 1 ] || one_line_error 'cut|core'
	done
	;;
*) echo "not tried: ulimit -c (core_pattern keeps cores away)" ;;
esac

# ---- a recursion ----

cat >"$work/deep.py" <<'P'
import os
import sys

def descend(n):
    if n:
        return descend(n - 1)
    os.abort()

sys.setrecursionlimit(5000)
descend(1500)
P
for version in system 3.8 3.13; do
	other=$(need_python "$version") || continue
	rm -rf "$work/deep"
	need_core "$work/deep" "$other" "$work/deep.py"
	run 0 "$CORE2PYHEAP" --report=json -o "$work/deep.pyheap" "$work/deep/core" "$other"
	json_check '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>"] + ["descend"] * 1501'
	json_check '[int(f["locals"][0]["repr"]) for f in r["threads"][0]["frames"][1:]] == list(range(1500, -1, -1))'
	json_check 'not r["damage"] and "frames_omitted" not in r["threads"][0]'
	run 0 "$PYHEAP" threads --json "$work/deep.pyheap"
	json_check 'len(r["threads"][0]["frames"]) == 1502'
	run 0 "$PYHEAP" threads "$work/deep.pyheap"
	out_says '^  \[Previous line repeated 1497 more times\]$'
	check "the text of a recursion is not folded" [ "$(wc -l <"$work/out")" -lt 40 ]
done
finish
