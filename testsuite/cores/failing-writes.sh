#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A full disk, a read-only folder, names that are taken: the report is printed all the same, the error is one line, and
# nothing is left behind of a dump that could not be written.
. "$top_srcdir/testsuite/cores/common.sh"
convert=$CORE2PYHEAP
python=$(need_python system 3.11 3.12 3.10 3.13 3.9 3.8) || skip "no Python"
need_core "$work/crash" "$python" "$cores/crash.py"
core=$work/crash/core

run 0 "$convert" --no-dump "$core" "$python"
cp "$work/out" "$work/report"
report_is_whole() {
	checks=$((checks + 1))
	cmp -s "$work/report" "$work/out" || fail "the report is not what it is without a dump"
}
is_dump() {
	check "$1 is no dump" "$PYHEAP" report "$1" >/dev/null
	check "$1 is not private" [ "$(stat -c %a "$1")" = 600 ]
}

# ---- names ----

run 0 "$convert" "$core" "$python"
report_is_whole
is_dump core.pyheap
echo mine >core.2.pyheap
ln -s nowhere core.3.pyheap
mkdir core.4.pyheap
mkfifo core.5.pyheap
run 0 "$convert" "$core" "$python"
report_is_whole
is_dump core.6.pyheap
check "an existing file was written over" [ "$(cat core.2.pyheap)" = mine ]
check "a dangling link was followed" [ ! -e nowhere ]
check "more files than the two dumps" [ "$(ls -A | wc -l)" -eq 6 ]
cmp core.pyheap core.6.pyheap || fail "two dumps of one core differ"
rm -r -- *

echo old >given.pyheap
run 0 "$convert" -o given.pyheap "$core" "$python"
is_dump given.pyheap
echo old >target
ln -s target link.pyheap
run 0 "$convert" -o link.pyheap "$core" "$python"
check "the link is no link any more" [ -L link.pyheap ]
is_dump target
rm -r -- *
run 2 "$convert" -o . "$core" "$python"
report_is_whole
one_line_error "folder|directory"
run 2 "$convert" -o not-there/x.pyheap "$core" "$python"
report_is_whole
one_line_error "not-there/x.pyheap.*(No such file|not found)"
run 2 "$convert" -o "$core/x.pyheap" "$core" "$python"
report_is_whole
one_line_error "x.pyheap"
no_dump_left
# not over its own input
cp "$core" ./mine
run "2" "$convert" -o mine ./mine "$python"
check "the core was written over" cmp -s mine "$core"
rm -f -- *

# ---- standard output ----

last="$convert -o - | cat"
wanted=0
"$convert" -o - "$core" "$python" 2>"$work/err" | cat >piped.pyheap
"$convert" -o - "$core" "$python" >file.pyheap 2>"$work/err"
judge
cp "$work/err" "$work/out"
report_is_whole
check "the dump through a pipe is another one" cmp -s piped.pyheap file.pyheap
check "standard output is no dump" "$PYHEAP" report file.pyheap >/dev/null
rm -f -- *

if [ -c /dev/full ]; then
	last="$convert >/dev/full"
	wanted=2
	"$convert" "$core" "$python" >/dev/full 2>"$work/err"
	judge
	one_line_error "report.*No space"
	check "a partial dump" sh -c 'for f in *.pyheap; do [ ! -e "$f" ] || "$1" report "$f" >/dev/null; done' sh "$PYHEAP"
	rm -f -- *
	last="$convert -o - >/dev/full"
	"$convert" -o - "$core" "$python" >/dev/full 2>"$work/err"
	judge
	err_says "No space"
	run 2 "$convert" -o /dev/full "$core" "$python"
	report_is_whole
	one_line_error "No space"
	check "/dev/full is gone" [ -c /dev/full ]
	"$convert" --no-dump --help >/dev/full 2>/dev/null && fail "--help ignores a full disk"
fi
last="$convert >&-"
wanted=2
"$convert" "$core" "$python" >&- 2>"$work/err"
judge
check "a dump through a closed standard output" [ ! -e "$core.pyheap" ]
rm -f -- *
"$convert" --no-dump "$core" "$python" 2>"$work/err" | head -n 1 >"$work/out"
check "a closed pipe is an error to tell of" [ ! -s "$work/err" ]
no_dump_left

# ---- no space ----

last="ulimit -f 4; $convert"
wanted=2
(
	{
		(
			ulimit -f 4
			exec timeout "$seconds" "$convert" "$core" "$python" 2>"$work/err"
		)
		echo $? >"$work/status"
	} | cat >"$work/piped"
	exit "$(cat "$work/status")"
)
judge
cp "$work/piped" "$work/out"
report_is_whole
one_line_error "core.pyheap.*(too large|File too)"
no_dump_left

mkdir "$work/disk"
if mount -t tmpfs -o size=16k tmpfs "$work/disk" 2>/dev/null; then
	mounted=$work/disk
	cd "$work/disk" || exit 99
	run 2 "$convert" "$core" "$python"
	report_is_whole
	one_line_error "core.pyheap.*[Nn]o space"
	no_dump_left
	echo old >old.pyheap
	run 2 "$convert" -o old.pyheap "$core" "$python"
	report_is_whole
	check "the old file is gone" [ "$(cat old.pyheap)" = old ]
	rm old.pyheap
	mount -o remount,ro "$work/disk"
	run 2 "$convert" "$core" "$python"
	report_is_whole
	one_line_error "core.pyheap.*[Rr]ead-only"
	no_dump_left
	cd "$work/cwd" || exit 99
else
	echo "not tried: a full disk (nothing can be mounted here)"
fi

mkdir "$work/locked"
chmod 555 "$work/locked"
cd "$work/locked" || exit 99
if ! (: >probe) 2>/dev/null; then
	run 2 "$convert" "$core" "$python"
	report_is_whole
	one_line_error "core.pyheap.*[Pp]ermission"
	no_dump_left
elif rm -f probe && command -v setpriv >/dev/null && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$convert"; then
	chmod 755 "$work" "$work/crash"
	chmod 644 "$core"
	run 2 setpriv --reuid 65534 --regid 65534 --clear-groups "$convert" "$core" "$python"
	report_is_whole
	one_line_error "core.pyheap.*[Pp]ermission"
	no_dump_left
else
	echo "not tried: a folder that may not be written (root)"
fi
cd "$work/cwd" || exit 99
finish
