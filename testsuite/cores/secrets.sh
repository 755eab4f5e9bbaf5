#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Secrets planted everywhere a service has them: none is in any member of the dump, nor in any form of the report;
# with `values` nothing of what the program computed with is; with `none` everything is.
. "$top_srcdir/testsuite/cores/common.sh"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3.7 to look with"
"$PYTHON3" "$cores/secrets_check.py" plan "$work" || exit 99

one_version() {
	python=$1
	set --
	while IFS= read -r argument; do
		set -- "$@" "$argument"
	done <"$work/arguments"
	program=$work/program.py
	(
		while IFS= read -r assignment; do
			export "${assignment?}"
		done <"$work/environment"
		need_core "$work/crash" "$python" "$program" "$work/planted.json" "$@"
	) || exit $?
	core=$work/crash/core

	for mode in secrets values none; do
		rm -rf "$work/out.d"
		mkdir "$work/out.d"
		dump=$work/out.d/dump.pyheap
		option=--redact=$mode
		[ $mode != secrets ] || option=--progress=never # the default
		for format in text markdown json signature; do
			run 0 "$CORE2PYHEAP" --no-dump "$option" --report=$format "$core" "$python"
			cp "$work/out" "$work/out.d/report.$format"
			cp "$work/err" "$work/out.d/warnings.$format"
		done
		run 0 "$CORE2PYHEAP" --explain "$option" --report=json -o "$dump" "$core" "$python"
		told=$(sed -n 's/.*; \([0-9]*\) values of its heap are redacted$/\1/p' "$work/err")
		cp "$work/err" "$work/out.d/explain"
		json_check "r['redaction']['mode'] == '$mode'"
		if [ $mode = none ]; then
			json_check 'not r["redaction"]["count"]'
		else
			json_check 'r["redaction"]["count"] > 20'
			check "the text report does not name --redact" grep -q -e "--redact" "$work/out.d/report.text"
			[ $mode = values ] || check "the text report does not count" \
				grep -Eq '[0-9]+ .*redacted' "$work/out.d/report.text"
		fi
		# the reader's side; what prints an object prints them all
		addresses=$("$PYTHON3" -c '
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for line in z.read("closure.jsonl").decode("utf-8", "surrogatepass").splitlines()[:3000]:
        print(json.loads(line)["address"])' "$dump")
		for verb in report exceptions threads; do
			for json in "" --json; do
				run 0 "$PYHEAP" $verb $json "$dump"
				cp "$work/out" "$work/out.d/pyheap-$verb$json"
			done
		done
		run 0 "$PYHEAP" export "$dump"
		cp "$work/out" "$work/out.d/pyheap-export"
		for json in "" --json; do
			# shellcheck disable=SC2086 # a list
			run 0 "$PYHEAP" print $json "$dump" $addresses
			cp "$work/out" "$work/out.d/pyheap-print$json"
		done
		check "what --redact=$mode of $python lets through" \
			"$PYTHON3" "$cores/secrets_check.py" check "$work" $mode "$work"/out.d/*
		if [ $mode = secrets ]; then
			# a small int and a one-letter string are hidden only behind the secret name
			cp "$work/out.d/report.json" "$work/out"
			json_check '[[l["repr"] for l in f["locals"] if l["name"] == n] for n in ("level", "letter", "secret_level", "token")
				for t in r["threads"] if t["exception"] for f in t["exception"]["cause"]["traceback"]
				if f["function"] == "deepest"] == [["7"], ["'"'x'"'"], ["‹redacted›"], ["‹redacted›"]]'
			json_check 'all(l["redacted"] for t in r["threads"] for f in t["frames"] for l in f["locals"]
				if l["name"] in ("password", "api_key", "secret_number", "token_weight", "odd_secret", "userPassword"))'
			check "$told values of the heap are redacted, says core2pyheap" \
				[ "$(grep -c '"value":"[^"]*‹redacted›' "$work/out.d/pyheap-export")" = "$told" ]
			check "a secret's name is redacted itself, as the dict of interned strings has it" \
				grep -q '"value":"userPassword"' "$work/out.d/pyheap-export"
			json_check 'any(l["name"] == "password" for t in r["threads"] for f in t["frames"] for l in f["locals"])'
		fi
	done
}

tried=
for version in ${PYHEAP_TEST_VERSIONS:-3.8 3.13 system}; do
	python=$(need_python "$version") || continue
	tried="$tried $version"
	one_version "$python"
done
[ -n "$tried" ] || skip "no Python"
echo "tried:$tried"
finish
