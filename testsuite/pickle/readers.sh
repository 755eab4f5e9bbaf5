#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The real readers open the dumps: pyheapdump 0.2.8 with sPickle 0.1.11 under Python 2.7, pydump 1.2.0 under Python 3.8 to
# 3.13, each by pip into a scratch folder.  A reader is left out, by name, only without network or its interpreter.
. "$top_srcdir/testsuite/cores/common.sh"

pip_install() { # INTERPRETER FOLDER PACKAGE...
	pip=$1 folder=$2
	shift 2
	timeout 120 "$pip" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$folder" "$@" \
		>"$work/pip" 2>&1
}

python27=$(need_python 2.7) && pip_install "$python27" "$work/py27" pyheapdump==0.2.8 sPickle==0.1.11 || {
	echo "not run: pyheapdump (no Python 2.7, or no network)"
	python27=
}
python3=$(need_python 3.11 3.12 3.13 3.10 3.9 3.8) && pip_install "$python3" "$work/py3" pydump==1.2.0 || {
	echo "not run: pydump (no Python 3.8 to 3.13, or no network)"
	python3=
}
[ -n "$python27$python3" ] || skip "pyheapdump and pydump: no network or no interpreter"

expect() { # READER: what the script below prints
	check "$1 shows the traceback" sh -c 'grep -Eq "gt[23].py\([0-9]+\)level1\(\)" "$1" && grep -q -e "-> level2(" "$1"' - "$work/out"
	check "$1 shows the arguments" grep -Eq "^b_str = b?'?b'?\$" "$work/out"
	check "$1 shows the locals" grep -Eq "\('@', -42, 1\.5, True, 10{50}L?\)" "$work/out"
	check "$1 shows an attribute" grep -Eq "plain77" "$work/out"
	check "$1 reports nothing that it could not make" sh -c '! grep -Eiq "surrogate for|Resolution|Traceback|Error:" "$1"' - "$work/out"
}
printf '%s\n' bt up args 'p ("@", l1_neg, l1_float, l1_true, -l1_big)' 'p l1_obj.name' 'p l1_list, l1_dict, l1_set, l1_tuple' q >"$work/script"

tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13}; do
	python=$(need_python "$version") || continue
	core=$("$cores/get-core" "$version" excepthook 2>"$work/err") || skip "no cores can be made here"
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump.pyheap" "$core/core" "$python"
	run 0 "$PYHEAP" export --format=pyheapdump "$work/dump.pyheap"
	mv "$work/out" "$work/message"
	run 0 "$PYHEAP" export --format=pydump "$work/dump.pyheap"
	mv "$work/out" "$work/pydump.dump"
	for file in dump.pyheap message; do
		[ -n "$python27" ] || continue
		last="pyheapdump $file of $version"
		PYTHONPATH=$work/py27 timeout 60 "$python27" -m pyheapdump -d pdb "$work/$file" <"$work/script" >"$work/out" 2>&1
		wanted=0
		judge
		expect "pyheapdump ($file of $version)"
	done
	case $version in 3.[89] | 3.1[0-3]) reader=$python ;; *) reader=$python3 ;; esac
	if [ -n "$python3" ]; then
		last="pydump of $version"
		PYTHONPATH=$work/py3 timeout 60 "$reader" -m pydump --pdb "$work/pydump.dump" <"$work/script" >"$work/out" 2>&1
		wanted=0
		judge
		expect "pydump ($version)"
	fi
	tried="$tried $version"
done
run 0 "$CORE2PYHEAP" --report=none --no-pickle -o "$work/dump.pyheap" "$core/core" "$python"
for format in pydump pyheapdump; do
	run 2 "$PYHEAP" export --format=$format "$work/dump.pyheap"
	one_line_error 'no part for Python debuggers'
done
echo "tried:$tried"
finish
