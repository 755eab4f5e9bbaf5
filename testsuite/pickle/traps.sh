#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A program full of traps: its pickle holds to the rules, loads, and runs nothing; pyheap-pdb opens it too.
. "$top_srcdir/testsuite/cores/common.sh"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3 to look with"
here=$top_srcdir/testsuite/pickle
tried=
for version in ${PYHEAP_TEST_VERSIONS:-3.8 3.11 3.13}; do
	python=$(need_python "$version") || continue
	need_core "$work/$version" "$python" "$here/traps_program.py"
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump.pyheap" "$work/$version/core" "$python"
	check "the pickle of $version" "$PYTHON3" "$here/check_pickle.py" "$work/dump.pyheap"
	check "the dump of $version is not above 20 MB" [ "$(stat -c %s "$work/dump.pyheap")" -lt 20000000 ]
	printf '%s\n' 'p simple' 'p len(huge), lone, number.bit_length(), cycle[0][0] is cycle' 'p sorted(map(str, keys))' 'p deep' 'p reduced' >"$work/script"
	last="pyheap-pdb over $version"
	timeout 60 "$python" -I "$top_srcdir/pdb/pyheap-pdb" "$work/dump.pyheap" <"$work/script" >"$work/out" 2>"$work/err"
	wanted=0
	judge
	out_says "'reached'"
	out_says "ud800"
	check "something of the program ran" sh -c '! [ -e PWNED ]'
	run 0 "$PYHEAP" export --format=pydump "$work/dump.pyheap"
	# what pydump does, with classes of the same names
	cat >"$work/pydump.py" <<'P'
class FakeClass(object):
    def __init__(self, text, attributes):
        self.__repr = text
        self.__dict__.update(attributes)

    def __repr__(self):
        return self.__repr


class FakeCode(object):
    pass


class FakeFrame(object):
    pass


class FakeTraceback(object):
    pass
P
	check "the pickle of $version loads under Python 3" "$python" -c '
import gzip, pickle, sys
sys.path.insert(0, sys.argv[1])
d = pickle.load(gzip.open(sys.argv[2]))
tb = d["traceback"]
while tb.tb_next: tb = tb.tb_next
f = tb.tb_frame.f_locals
assert f["simple"] == "reached" and f["cycle"][0][0] is f["cycle"] and f["number"] == -(1 << 5000), f.keys()
assert f["lone"] == "\ud800 \udfff ok" and len(f["huge"]) < 100000
assert "__builtins__" not in tb.tb_frame.f_globals
' "$work" "$work/out"
	check "something of the program ran" sh -c '! [ -e PWNED ]'
	tried="$tried $version"
done
[ -n "$tried" ] || skip "no Python"
echo "tried:$tried"
finish
