#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Real minidumps with stacks only, which are small enough to keep: of Breakpad's client and of Crashpad's handler, both of
# Debian's 3.11 (writers_program.py in an empty environment).  What crashpad.sh and breakpad.sh hold of new ones, where neither
# can be had, and of a module file that is on no machine any more.
. "$top_srcdir/testsuite/cores/common.sh"
kept=$top_srcdir/testsuite/minidump/kept

run 1 "$CORE2PYHEAP" -o "$work/d.pyheap" --sysroot="$work/cwd" "$kept/crashpad-3.11.dmp.xz"
out_says '^SIGABRT: abort\(\) was called, in process 28538$'
out_says '^  python     3\.11$'
out_says '^  thread     shop, LWP 28538, whose Python state could not be read$'
out_says '^  notes      product=shop$'
out_says '^             process_started=2026-11-22T20:04:27Z, 0 s before the dump$'
out_says '^             process_cpu=0 s user, 0 s kernel$'
out_says '^             os_build=Linux 6\.18\.44'
out_says '^  LWP 28538 \(shop\), crashed, at libffi\.so\.8\+0x6f7a$'
out_says '^  LWP 28603 \(shop\), at libc\.so\.6\+0x85f16$'
out_says 'heap: is not in this minidump: stacks only, written by Crashpad$'
run 1 "$CORE2PYHEAP" -o "$work/d.pyheap" --sysroot="$work/cwd" "$kept/breakpad-3.11.dmp.xz"
out_says '^SIGSEGV: invalid memory access at 0x0, in process [0-9]+$'
out_says '^  command    /usr/bin/python3\.11 -E -s program\.py breakpad '
out_says '^  python     3\.11$'
out_says '^2 threads whose Python state could not be read:'
out_says 'heap: is not in this minidump: stacks only, written by Breakpad$'
# its dump has the report alone, and every verb answers or says what there is not
run 1 "$PYHEAP" report "$work/d.pyheap"
out_says '^SIGSEGV: invalid memory access'
run 0 "$PYHEAP" verify "$work/d.pyheap"
for verb in types memory roots garbage retained; do
	run "0 2 3" "$PYHEAP" $verb "$work/d.pyheap"
	[ "$status" -eq 0 ] || one_line_error 'heap|dump'
done
# cut anywhere, it is one line or a report that says so
if command -v xz >/dev/null; then
	for name in crashpad breakpad; do
		xz -dc "$kept/$name-3.11.dmp.xz" >"$work/whole"
		for share in 1 5 9 15 19; do
			head -c $(($(stat -c %s "$work/whole") * share / 20)) "$work/whole" >"$work/cut"
			run "1 3" "$CORE2PYHEAP" -o "$work/d.pyheap" --sysroot="$work/cwd" "$work/cut"
			if [ "$status" -eq 3 ]; then
				one_line_error 'minidump|which is cut'
			else
				out_says 'missing|beyond|cut|not in this minidump'
			fi
		done
	done
fi
finish
