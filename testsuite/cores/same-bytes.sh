#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The same core, modules, options and version give the same bytes; the dump says again what the converter said.
. "$top_srcdir/testsuite/cores/common.sh"
command -v unzip >/dev/null || skip "no unzip"

one_version() {
	python=$1
	need_core "$work/crash" "$python" "$cores/crash.py"
	core=$work/crash/core
	for mode in secrets values none; do
		run 0 "$CORE2PYHEAP" --redact=$mode --report=json --label=pod=web-1 --label=commit=abc -o one.pyheap "$core" "$python"
		cp "$work/out" one.json
		# another moment, folder, environment, name of the core, and way to it
		mkdir -p "$work/other" "$work/tmp"
		cp -p "$core" "$work/other/renamed"
		sleep 1.1
		run 0 env -i HOME=/ TMPDIR="$work/tmp" TZ=Asia/Tokyo LC_ALL=C PATH="$PATH" "$CORE2PYHEAP" --redact=$mode --jobs=1 \
			--report=json --label=pod=web-1 --label=commit=abc -o "$work/other/two.pyheap" "$work/other/renamed" "$python"
		check "two reports of one core differ" cmp one.json "$work/out"
		check "two dumps of one core differ" cmp one.pyheap "$work/other/two.pyheap"
		check "unzip -t complains" unzip -tq one.pyheap >/dev/null
		run 0 "$PYHEAP" report --json one.pyheap
		check "pyheap report --json is not core2pyheap --report=json" cmp one.json "$work/out"
		run 0 sh -c "unzip -p one.pyheap report.json"
		check "report.json is not core2pyheap --report=json" cmp one.json "$work/out"
		json_check 'r["labels"] == {"pod": "web-1", "commit": "abc"}'
		run 0 "$CORE2PYHEAP" --redact=$mode --no-dump --label=pod=web-1 --label=commit=abc "$core" "$python"
		cp "$work/out" one.text
		run 0 "$PYHEAP" report one.pyheap
		check "pyheap report is not core2pyheap's report" cmp one.text "$work/out"
		# SOURCE_DATE_EPOCH dates the members, and nothing else differs
		run 0 env SOURCE_DATE_EPOCH=1000000000 "$CORE2PYHEAP" --redact=$mode --report=none -o dated.pyheap "$core" "$python"
		run 0 env SOURCE_DATE_EPOCH=1000000000 TZ=Asia/Tokyo "$CORE2PYHEAP" --redact=$mode --report=none -o dated2.pyheap \
			"$core" "$python"
		check "two dumps of one date differ" cmp dated.pyheap dated2.pyheap
		for heap in none stacks full; do
			run 0 "$CORE2PYHEAP" --redact=$mode --heap=$heap --report=json -o "$heap.pyheap" "$core" "$python"
			cp "$work/out" heap.json
			run 0 "$PYHEAP" report --json "$heap.pyheap"
			check "--heap=$heap: another report" cmp heap.json "$work/out"
		done
		rm -f -- *
	done
	# a core that was copied without its date is another file: the text is the same
	run 0 "$CORE2PYHEAP" --report=signature --no-dump "$core" "$python"
	cp "$work/out" signature
	run 0 "$CORE2PYHEAP" --report=signature --no-dump --sysroot="$work/tmp" "$core"
	check "the core alone has another signature" cmp signature "$work/out"
}

tried=
for version in ${PYHEAP_TEST_VERSIONS:-3.8 3.10 3.13 system}; do
	python=$(need_python "$version") || continue
	tried="$tried $version"
	one_version "$python"
done
[ -n "$tried" ] || skip "no Python"
echo "tried:$tried"
finish
