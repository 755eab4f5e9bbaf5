#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `pyheap print` of an exception that nothing handles any more: with its causes and contexts.
. "$top_srcdir/testsuite/cores/common.sh"
python=$(need_python system) || skip "no Python"
cat >"$work/chain.py" <<'P'
import os


def fail():
    try:
        try:
            1 / 0
        except ZeroDivisionError as e:
            raise KeyError('first') from e
    except KeyError:
        raise ValueError('second')


try:
    fail()
except ValueError as e:
    kept = e


def main():
    here = kept
    os.abort()


main()
P
need_core "$work/crash" "$python" "$work/chain.py"
run 0 "$CORE2PYHEAP" --report=json -o chain.pyheap "$work/crash/core" "$python"
address=$("$PYTHON3" -c '
import json, sys
report = json.load(open(sys.argv[1]))
print([l["address"] for t in report["threads"] for f in t["frames"] for l in f["locals"] if l["name"] == "here"][0])' "$work/out")
run 0 "$PYHEAP" print chain.pyheap "$address" "$address"
for line in "ZeroDivisionError: division by zero" "direct cause of the following" "KeyError: 'first'" \
	"During handling of the above" "ValueError: second"; do
	check "print says nothing of: $line" test "$(grep -c "$line" "$work/out")" = 2
done
check "a part of the chain was not read" test "$(grep -c 'not read' "$work/out")" = 0
finish
