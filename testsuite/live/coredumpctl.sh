#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# core2pyheap --coredumpctl: with systemd's own program over a journal that systemd-journal-remote makes, where both can be had
# (systemd-coredump is never installed: it would change kernel.core_pattern; its package is unpacked); and with a stub in its
# place for what a journal cannot be made to hold.
. "$top_srcdir/testsuite/cores/common.sh"
convert=$CORE2PYHEAP
core=$("$cores/get-core" system abort 2>"$work/err") || skip "no cores can be made here"
wanted_title=$("$convert" --no-dump --report=signature "$core/core" 2>/dev/null)

# ---- systemd's ----

find_program() {
	command -v coredumpctl && return
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
	mkdir "$work/package" && (cd "$work/package" && timeout 60 apt-get download systemd-coredump >/dev/null 2>&1 && dpkg -x ./*.deb .) || return 1
	ls "$work/package/usr/bin/coredumpctl"
}

entry() { # FILE PID TIME CORE: what systemd-coredump logs, in the journal's export format
	cat >"$1" <<END
__REALTIME_TIMESTAMP=${3}000000
__MONOTONIC_TIMESTAMP=1000000
_BOOT_ID=0123456789abcdef0123456789abcdef
_MACHINE_ID=0123456789abcdef0123456789abcdef
_TRANSPORT=journal
_UID=0
PRIORITY=2
MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1
MESSAGE=Process $2 (python3) of user 0 dumped core.
COREDUMP_PID=$2
COREDUMP_UID=0
COREDUMP_GID=0
COREDUMP_SIGNAL=6
COREDUMP_SIGNAL_NAME=SIGABRT
COREDUMP_TIMESTAMP=${3}000000
COREDUMP_COMM=python3
COREDUMP_EXE=/usr/bin/python3.11
COREDUMP_CMDLINE=python3 shop.py
COREDUMP_FILENAME=$4

END
}

remote=/usr/lib/systemd/systemd-journal-remote
program=$(find_program) && "$program" --version >"$work/version" 2>&1 || program=
if [ -n "$program" ] && [ -x $remote ] && command -v zstd >/dev/null; then
	head -n 1 "$work/version"
	stored="$work/core.python3.0.0123456789abcdef0123456789abcdef.4712.1700000100000000.zst"
	zstd -q "$core/core" -o "$stored"
	entry "$work/first" 4711 1700000000 "$core/core"
	entry "$work/second" 4712 1700000100 "$stored"
	mkdir "$work/journal"
	cat "$work/first" "$work/second" | $remote -o "$work/journal/remote.journal" - 2>"$work/err" || fail "no journal could be made"
	saved=$PATH
	PATH=$(dirname "$program"):$PATH
	for match in 4711 4712 python3 /usr/bin/python3.11 COREDUMP_PID=4711 ""; do
		run 0 "$convert" --no-dump --report=signature --coredumpctl -- -D "$work/journal" $match
		check "the core of ${match:-the newest}" [ "$(cat "$work/out")" = "$wanted_title" ]
	done
	run 0 "$convert" --report=none --coredumpctl -- -D "$work/journal" python3
	check "the newest one's dump" [ -s core.4712.pyheap ]
	rm -f core.4712.pyheap
	run 2 "$convert" --coredumpctl -- -D "$work/journal" 99
	one_line_error '^core2pyheap: coredumpctl: No match found'
	rm "$stored"
	run 2 "$convert" --coredumpctl -- -D "$work/journal" 4712
	one_line_error '^core2pyheap: coredumpctl: '
	PATH=$saved
else
	echo "not run: systemd's coredumpctl (not installed, no network, or no systemd-journal-remote)"
fi

# ---- a stub ----

mkdir "$work/bin"
cat >"$work/bin/coredumpctl" <<'END'
#!/bin/sh
[ "$1 $2 $3" = "--quiet --no-pager -1" ] || exit 9
echo "$*" >>"$STUB/calls"
case $4 in
info) printf '           PID: 77 (python3)\n       Storage: %s\n' "$(cat "$STUB/storage")" ;;
dump) echo 'more about it' >&2; cat "$STUB/core" || { printf 'first line\nthe \033[31mlast line\n' >&2; exit 1; } ;;
esac
END
chmod +x "$work/bin/coredumpctl"
STUB=$work
PATH=$work/bin:$PATH
export STUB PATH
cp "$core/core" "$work/core"
for storage in journal "/nothing/core (missing)" "$work/core (inaccessible)" "none" "/nothing/core (present)"; do
	echo "$storage" >"$work/storage"
	run 0 "$convert" --no-dump --report=signature --coredumpctl 77
	check "by dump: $storage" [ "$(cat "$work/out")" = "$wanted_title" ]
done
: >"$work/calls"
echo "$work/core (present)" >"$work/storage"
run 0 "$convert" --report=none --coredumpctl some '$(touch ran)'
check "dump is not asked when the file is there" [ "$(cat "$work/calls")" = "--quiet --no-pager -1 info some \$(touch ran)" ]
check "its dump" [ -s core.77.pyheap ]
rm -f core.77.pyheap
echo journal >"$work/storage"
: >"$work/core"
run 2 "$convert" --coredumpctl
one_line_error 'coredumpctl: gave no core'
rm "$work/core"
run 2 "$convert" --coredumpctl
one_line_error 'coredumpctl: the \?\[31mlast line'
rm "$work/bin/coredumpctl"
run 2 env PATH="$work/bin" "$convert" --coredumpctl
one_line_error 'coredumpctl: is not installed here'
run 2 "$convert" --coredumpctl --pid=1
one_line_error 'exclude each other'
no_dump_left
finish
