#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is not a core, not a core of CPython, or not a whole one: the exit status, one line that says so, no dump left.
. "$top_srcdir/testsuite/cores/common.sh"
convert=$CORE2PYHEAP

# ---- not cores ----

: >"$work/empty"
printf 'Traceback (most recent call last):\n' >"$work/text"
mkdir "$work/folder"
printf '#!/bin/sh\n' >"$work/script"
printf '\177ELF' >"$work/elf4"
head -c 100000 /dev/zero >"$work/zeros"

run 3 "$convert" "$work/empty"
one_line_error "empty"
run 3 "$convert" "$work/text"
one_line_error "text.*not (a|an ELF) core"
run 3 "$convert" "$work/script"
one_line_error "not (a|an ELF) core"
run 3 "$convert" "$work/zeros"
one_line_error "not (a|an ELF) core"
run 3 "$convert" "$work/elf4"
one_line_error "."
run 3 "$convert" /bin/sh
one_line_error "not a core|executable"
run "2 3" "$convert" "$work/folder"
one_line_error "folder.*(directory|is a folder)"
run 2 "$convert" "$work/is-not-there"
one_line_error "is-not-there.*(No such file|not found)"
run 2 "$convert" "$(printf '%s/no\nsuch\033[31mcore' "$work")"
one_line_error "No such file|not found"
# devices and pipes: not waited for, not read without end
mkfifo "$work/pipe"
run "2 3" "$convert" "$work/pipe"
one_line_error "pipe"
run "2 3" "$convert" /dev/null
one_line_error "/dev/null"
run "2 3" "$convert" /dev/zero
one_line_error "/dev/zero"
run 3 "$convert" - # standard input is /dev/null
one_line_error "standard input|empty"

# ---- usage ----

run 2 "$convert"
one_line_error "core.*--help"
run 2 "$convert" --no-such-option "$work/text"
one_line_error "^core2pyheap: unknown option --no-such-option; try --help$"
run 2 "$convert" -x "$work/text"
one_line_error "^core2pyheap: unknown option -x; try --help$"
run 2 "$convert" --no-dump=now "$work/text"
one_line_error "^core2pyheap: option --no-dump=now takes no value; try --help$"
run 2 "$convert" "$work/text" --label
one_line_error "^core2pyheap: option --label needs a value; try --help$"
run 2 "$convert" "$work/text" -o
one_line_error "^core2pyheap: option -o needs a value; try --help$"
run 2 "$convert" --report=html "$work/text"
one_line_error "html"
run 2 "$convert" --label=x "$work/text"
one_line_error "KEY=VALUE"
for words in "" " " "iban,,pin" "iban," ",iban" "_"; do
	run 2 "$convert" --redact-words="$words" "$work/text"
	one_line_error "^core2pyheap: --redact-words takes comma-separated words"
done
if command -v script >/dev/null; then
	last="$convert -o - text, on a terminal"
	wanted=2
	script -qec "'$convert' -o - '$work/text'" /dev/null >"$work/err" </dev/null
	judge
	tr -d '\r' <"$work/err" >"$work/err1" && mv "$work/err1" "$work/err"
	one_line_error "^core2pyheap: -o -: standard output is a terminal"
fi
run 2 "$convert" a b c
one_line_error "operands"

# ---- no permission ----

cp "$work/text" "$work/secret"
chmod 000 "$work/secret"
if [ "$(id -u)" -ne 0 ]; then
	run 2 "$convert" "$work/secret"
	one_line_error "secret.*[Pp]ermission"
elif command -v setpriv >/dev/null && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$convert"; then
	chmod 755 "$work"
	run 2 setpriv --reuid 65534 --regid 65534 --clear-groups "$convert" "$work/secret"
	one_line_error "secret.*[Pp]ermission"
else
	echo "not tried: a core without permission (root, and the program is not another user's to run)"
fi
no_dump_left

# ---- cores without CPython ----

# under gdb (see make-core) `timeout` cannot: a shell then, which is no Python either
"$cores/make-core" "$work/sleep" timeout -s ABRT 0.3 sleep 60 ||
	need_core "$work/sleep" sh -c 'kill -ABRT $$'
run 3 "$convert" "$work/sleep/core"
one_line_error "no (CPython|Python)"
run 3 "$convert" "$work/sleep/core" /bin/sh
err_says "no (CPython|Python)"

# the same one, as if it were of a 32-bit machine: ELFCLASS32, EM_PPC
{
	printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000'
	printf '\004\000\024\000\001\000\000\000\000\000\000\000\064\000\000\000'
	printf '\000\000\000\000\000\000\000\000\064\000\040\000\001\000\000\000\000\000\000\000'
	printf '\004\000\000\000\124\000\000\000\000\000\000\000\000\000\000\000'
	printf '\000\000\000\000\000\000\000\000\000\000\000\000\004\000\000\000'
	head -c 4096 /dev/zero
} >"$work/core32"
run 3 "$convert" "$work/core32"
one_line_error "32-bit"
# another machine, 64-bit: EM_AARCH64
{
	printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\004\000\267\000\001\000\000\000'
	head -c 4096 /dev/zero
} >"$work/core-arm"
run 3 "$convert" "$work/core-arm"
one_line_error "."

pypy=$("$top_srcdir/testsuite/find-pythons" 2>/dev/null | sed -n 's/^[^ ]* \(.*\) pypy$/\1/p' | head -n 1)
if [ -n "$pypy" ]; then
	need_core "$work/pypy" "$pypy" -c 'import os; os.abort()'
	run 3 "$convert" "$work/pypy/core"
	one_line_error "PyPy"
	run 3 "$convert" "$work/pypy/core" "$pypy"
	one_line_error "PyPy"
else
	echo "not tried: a core of PyPy (there is none)"
fi

# GraalPy is known by the names of its files: its native standalone is a launcher and libpythonvm.so
mkdir "$work/graal"
echo 'int graal_create_isolate(void) { return 0; }' >"$work/graal/vm.c"
printf '#include <stdlib.h>\nint graal_create_isolate(void);\nint main(void) { graal_create_isolate(); abort(); }\n' >"$work/graal/main.c"
if command -v "${CC%% *}" >/dev/null && $CC -shared -fPIC -o "$work/graal/libpythonvm.so" "$work/graal/vm.c" &&
	$CC -o "$work/graal/launcher" "$work/graal/main.c" -L"$work/graal" -lpythonvm -Wl,-rpath,"$work/graal"; then
	need_core "$work/graal/core" "$work/graal/launcher"
	run 3 "$convert" "$work/graal/core/core"
	one_line_error "this is GraalPy \(libpythonvm.so\), not CPython"
	run 3 "$convert" --sysroot="$work/graal/core" "$work/graal/core/core"
	one_line_error "this is GraalPy \(libpythonvm.so\), not CPython"
else
	echo "not tried: a core like GraalPy's (no compiler)"
fi
no_dump_left

# ---- operands ----

python=$(need_python system 3.11 3.12 3.10 3.13 3.9 3.8) || skip "no Python"
need_core "$work/crash" "$python" "$cores/crash.py"
core=$work/crash/core

report() { # the report of the last run, kept as $1
	cp "$work/out" "$work/$1"
}
same_report() {
	checks=$((checks + 1))
	cmp -s "$work/$1" "$work/out" || {
		fail "the report is not that of the plain core"
		diff "$work/$1" "$work/out" | head -c 1000
	}
}

run 0 "$convert" --no-dump --report=json "$core" "$python"
report whole.json
json_check 'r["python"]["implementation"] == "cpython" and r["image"]["complete"] is True and not r["damage"]'
json_check 'r["threads"][0]["crashed"] and r["threads"][0]["frames"][-1]["function"] == "handle"'
run 0 "$convert" --no-dump --report=json "$python" "$core"
same_report whole.json
printf '#!%s\nimport service\n' "$python" >"$work/service"
run 0 "$convert" --no-dump --report=json "$core" "$work/service"
err_says "service.*script"
json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'
run 0 "$convert" --no-dump --report=json "$work/service" "$core"
err_says "service.*script"
run 0 "$convert" --no-dump --report=json "$core" /bin/sh
err_says "(sh|dash|bash|busybox).*build-id"
json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'
run "0 2" "$convert" --no-dump --report=json "$core" "$work/no-python-here"
err_says "no-python-here"
if [ "$status" = 0 ]; then
	json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'
fi
run "0 2" "$convert" --no-dump --report=json "$core" "$work/text"
err_says "text"

# ---- folders that are not there ----

run 0 "$convert" --no-dump --report=json --sysroot="$work/no-root" "$core" "$python"
one_line_error "warning: --sysroot=.*/no-root: is not a folder"
run 0 "$convert" --no-dump --report=json --solib-search-path="$work:$work/text:/nope" "$core" "$python"
one_line_error "warning: --solib-search-path: not a folder: .*/text, /nope$"
run 0 "$convert" --no-dump --report=json --solib-search-path="$work" "$core" "$python"
check "a warning of a folder that is there" [ ! -s "$work/err" ]

# ---- compressed, and standard input ----

cp "$core" "$work/plain" # without a name to guess from
for c in "zstd -q -1" "lz4 -q -1" "gzip -1" "xz -0"; do
	command -v "${c%% *}" >/dev/null || {
		echo "not tried: $c"
		continue
	}
	$c -c <"$core" >"$work/packed"
	touch -r "$core" "$work/packed"
	run 0 "$convert" --no-dump --report=json "$work/packed" "$python"
	same_report whole.json
	run 0 "$convert" --no-dump --report=json "$python" "$work/packed"
	same_report whole.json
	last="$convert - < packed ($c)"
	wanted=0
	timeout "$seconds" "$convert" --no-dump --report=json - "$python" <"$work/packed" >"$work/out" 2>"$work/err"
	judge
	json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'
	# cut, and harmed in the middle
	size=$(wc -c <"$work/packed")
	head -c $((size * 2 / 3)) "$work/packed" >"$work/cut"
	run "1 2 3" "$convert" --no-dump --report=json "$work/cut" "$python"
	if [ "$status" = 1 ]; then
		json_check 'r["damage"]'
	else
		one_line_error "."
	fi
	{
		head -c $((size / 2)) "$work/packed"
		head -c 100 /dev/zero
		tail -c +$((size / 2 + 101)) "$work/packed"
	} >"$work/harmed"
	run "0 1 2 3" "$convert" --no-dump --report=none "$work/harmed" "$python"
done
last="$convert - < core"
wanted=0
timeout "$seconds" "$convert" --no-dump --report=json - "$python" <"$core" >"$work/out" 2>"$work/err"
judge
json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'
last="cat core | $convert PYTHON -"
cat "$core" | timeout "$seconds" "$convert" --no-dump --report=json "$python" - >"$work/out" 2>"$work/err"
judge
json_check 'r["threads"][0]["frames"][-1]["function"] == "handle"'

# ---- no room to unpack ----

if command -v gzip >/dev/null; then
	gzip -1 -c <"$core" >"$work/packed.gz"
	mkdir "$work/small"
	mkfifo "$work/crash/core.pipe"
	if mount -t tmpfs -o size=256k tmpfs "$work/small" 2>/dev/null; then
		mounted=$work/small
		run 2 env TMPDIR="$work/small" "$convert" --no-dump "$work/packed.gz"
		one_line_error "needs [0-9]+ more bytes in [^ ]*small"
		last="cat core | $convert -"
		wanted=2
		TMPDIR=$work/small timeout "$seconds" "$convert" --no-dump - <"$work/crash/core.pipe" >"$work/out" 2>"$work/err" &
		cat "$core" >"$work/crash/core.pipe" 2>/dev/null
		wait $!
		judge
		one_line_error "standard input.*needs [0-9]+ more bytes"
		check "a temporary file is left behind" [ -z "$(ls -A "$work/small")" ]
	else
		echo "not tried: a full \$TMPDIR (nothing can be mounted here)"
	fi
	last="ulimit -f 100; $convert packed.gz"
	wanted=2
	(
		ulimit -f 100
		TMPDIR=$work timeout "$seconds" "$convert" --no-dump "$work/packed.gz"
	) >"$work/out" 2>"$work/err"
	judge
	one_line_error "needs [0-9]+ more bytes"
	run 2 env TMPDIR="$work/not-there" "$convert" --no-dump "$work/packed.gz"
	one_line_error "not-there"
fi

no_dump_left
finish
