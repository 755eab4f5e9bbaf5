#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Version by kind of core: what the other coredump_filters leave, gdb's gcore, systemd-coredump's compression, a minidump that
# --trim wrote and a core whose last tenth is missing, each from the conformance program, with the executable and without.
#
# With more=yes the filters between, gdb's gcore -a, and files without holes in place of these.
#
# usage: kinds.sh VERSION...
. "$top_srcdir/testsuite/cores/common.sh"
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
tried= more=${more-}
filters="0x1 0x7f" gcore=
if [ "$more" ]; then
	filters="0x21 0x23 0x31 0x3f" gcore="source $work/everything"
	printf 'set use-coredump-filter off\nset dump-excluded-mappings on\n' >"$work/everything"
fi

# told CORE TRUTH [STATUS]: the report of CORE says all that TRUTH says
told() {
	for operand in "$python" --sysroot="$work/cwd"; do
		run "${3-0}" "$CORE2PYHEAP" --no-dump --report=json --redact=none "$operand" "$1"
		cp "$work/out" "$work/report.json"
		checks=$((checks + 1))
		"$PYTHON3" "$cores/check_report.py" --tasks "$work/report.json" "$2/gt.json" >"$work/said" 2>&1 || {
			fail "Python $version, $kind: not all of the truth is in the report"
			tail -n 12 "$work/said" | sed 's/^/    /'
		}
	done
}

# of a cut core: the version, how it died, every thread, and nothing that the whole one does not say
partly() {
	for operand in "$python" --sysroot="$work/cwd"; do
		run 1 "$CORE2PYHEAP" --no-dump --report=json "$operand" "$1"
		json_check 'r["image"]["complete"] is False and r["damage"] and r["image"]["signal"]["name"] == "SIGABRT"
			and (r["python"]["version"] + ".").startswith("'"${version%-debug}"'.")
			and len(r["threads"]) + len(r["native_threads"]) == '"$threads"
	done
}

for version in "$@"; do
	python=$(need_python "$version")
	core=$("$cores/get-core" "$version" abort 2>/dev/null) || {
		echo "not tried: no Python $version here"
		continue
	}
	tried=yes
	maker="$cores/run $python"
	# one in a chroot is run there
	[ ! -s "$core/root" ] || {
		root=$(cat "$core/root")
		maker="$cores/run-in-root $root $(sed "s|^$root||" "$core/python")"
		python=--sysroot=$root
	}
	[ "$version" != system ] || version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

	case $(cat /proc/sys/kernel/core_pattern 2>/dev/null) in
	core | core.%p)
		for kind in $filters; do
			# shellcheck disable=SC2016
			sh -c 'echo $1 >/proc/self/coredump_filter && shift && exec "$@"' - "$kind" $maker "$work/filter" segv \
				>/dev/null || fail "no core of Python $version with the filter $kind"
			told "$work/filter/core" "$work/filter"
		done
		[ -z "$more" ] || {
			kind=dense
			cp --sparse=never "$work/filter/core" "$work/dense"
			told "$work/dense" "$work/filter"
			rm "$work/dense"
		}
		;;
	*) echo "not tried: coredump_filter (core_pattern keeps cores away)" ;;
	esac

	kind=gcore${more:+ -a}
	rm -rf "$work/filter"
	# shellcheck disable=SC2086
	if command -v gdb >/dev/null && GCORE="$gcore" $maker "$work/filter" live >/dev/null 2>"$work/said"; then
		# stacks that gdb could not read are zeros there, and the frames then come from the data stack
		if grep -q 'Memory read failed.*1048576' "$work/filter/gdb.log"; then
			told "$work/filter/core" "$work/filter" "0 1"
		else
			told "$work/filter/core" "$work/filter"
		fi
	else
		echo "not tried: gcore of Python $version ($(head -n 1 "$work/said"))"
	fi
	rm -rf "$work/filter"
	[ -z "$more" ] || continue

	kind=zst
	if command -v zstd >/dev/null; then
		zstd -q -f -1 "$core/core" -o "$work/core.zst"
		told "$work/core.zst" "$core"
		rm "$work/core.zst"
	fi

	kind=trimmed
	run 0 "$CORE2PYHEAP" --no-dump --report=none --redact=none --trim="$work/core.dmp" "$python" "$core/core"
	told "$work/core.dmp" "$core"
	rm -f "$work/core.dmp"

	kind=cut
	threads=$("$PYTHON3" -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(len(r["threads"]) + len(r["native_threads"]))' "$work/report.json")
	cp --sparse=always "$core/core" "$work/cut"
	truncate -s $(($(wc -c <"$core/core") / 10 * 9)) "$work/cut"
	partly "$work/cut"
	rm "$work/cut"
done
[ "$tried" ] || skip "none of the Pythons $* is here"
finish
