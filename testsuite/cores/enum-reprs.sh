#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Enum members print as each version's own Lib/enum.py prints them; generators, coroutines and async generators have
# their own attributes.  The interpreters are the oracle.
. "$top_srcdir/testsuite/cores/common.sh"
program=$cores/enum_reprs.py
seen=0
for version in system 3.8 3.9 3.10 3.11 3.12 3.13; do
	python=$(need_python "$version") || continue
	seen=$((seen + 1))
	rm -rf "$work/crash"
	need_core "$work/crash" "$python" "$program" "$work/truth.json"
	core=$work/crash/core
	for how in "$python" "--sysroot=$work/cwd"; do
		run 0 "$CORE2PYHEAP" --report=json -o "$work/dump" "$core" "$how"
		cp "$work/out" "$work/report.json"
		checks=$((checks + 1))
		"$PYTHON3" - "$work/report.json" "$work/truth.json" <<'P' || fail "reprs of $version are not the interpreter's"
import json, sys
report, truth = (json.load(open(f, encoding='utf-8')) for f in sys.argv[1:])
frame = next(f for t in report['threads'] for f in t['frames'] if f['function'] == 'main')
local = {l['name']: l['repr'] for l in frame['locals']}
for i, value in enumerate(truth[:30]):
    if local['v%02d' % i] != value:
        print('  %s, not %s' % (local['v%02d' % i], value))
        sys.exit(1)
if local['more'] != '[%s]' % ', '.join(truth[30:]):
    sys.exit('  %s, not %s' % (local['more'], truth[30:]))
P
		addresses=$("$PYTHON3" -c 'import json, sys
frame = next(f for t in json.load(open(sys.argv[1]))["threads"] for f in t["frames"] if f["function"] == "main")
print(*[l["address"] for l in frame["locals"] if l["name"] in ("gen", "coro", "agen")])' "$work/report.json")
		# shellcheck disable=SC2086
		run 0 "$PYHEAP" print "$work/dump" $addresses
		out_says "gi_code"
		out_says "cr_code"
		out_says "ag_code"
	done
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
