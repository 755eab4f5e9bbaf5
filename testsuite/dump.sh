#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A dump through other people's readers, and through pyheap: of the synthetic report in unit/dumpmaker.h.
set -u
: "${PYTHON3:=python3}" "${PYHEAP:=$top_builddir/analyzer/pyheap}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
status=0
F=$work/a.pyheap
unset PAGER PYHEAP_PAGER NO_COLOR

fail() {
	echo "FAILED: $*"
	status=1
}

# expect STATUS COMMAND...: its output is in out and err
expect() {
	want=$1
	shift
	"$@" >"$work/out" 2>"$work/err"
	got=$?
	[ $got -eq "$want" ] || fail "status $got, not $want: $* ($(head -c 300 "$work/err"))"
	[ "$(wc -l <"$work/err")" -le 1 ] || fail "more than one line of error: $*"
	grep -q "$(printf '\033')" "$work/out" "$work/err" && fail "escape sequences: $*"
}
says() {
	grep -qF -e "$1" "$work/err" || fail "does not say '$1' but '$(cat "$work/err")'"
}

"$top_builddir/testsuite/unit/test-dump-write" "$F" || exit 99

# ---- other readers ----
head -n 20 "$F" | grep -aq 'pyheap report FILE' || fail 'head does not tell how to open it'
if command -v unzip >/dev/null; then
	expect 0 unzip -tq "$F"
	[ -s "$work/err" ] && fail "unzip complains: $(cat "$work/err")"
	unzip -p "$F" report.json >"$work/report.json" || fail 'unzip -p report.json'
	(cd "$work" && mkdir x && cd x && unzip -q "$F") || fail 'unzip'
	[ "$(find "$work" -name '*evil.py')" = "$work/x/sources/0003-evil.py" ] || fail 'a source outside its folder'
fi
if "$PYTHON3" -c pass 2>/dev/null; then
	"$PYTHON3" - "$F" "$work/report.json" <<'EOF' || fail 'python readers'
import email, json, sys, zipfile
path = sys.argv[1]
data = open(path, 'rb').read()
z = zipfile.ZipFile(path)
assert z.testzip() is None
names = z.namelist()
assert names[:4] == ['manifest.json', 'report.json', 'exceptions.json', 'modules.json'], names
assert names[-1] == 'closure.jsonl' and len(set(names)) == len(names), names
manifest = json.loads(z.read('manifest.json'))
assert manifest['format'] == 'pyheap-dump' and manifest['version'] == 1
assert manifest['labels'] == {'pod': 'web-"3"'}
for s in manifest['sources']:
    assert len(z.read(s['member'])) == s['size'], s
    assert s['member'].startswith('sources/') and '..' not in s['member'] and '\\' not in s['member'], s
assert [s['newer'] for s in manifest['sources']][:2] == [False, True]
lines = z.read('closure.jsonl').decode('utf-8').splitlines()
assert len(lines) == manifest['closure']['count'] == 500
assert all(l.startswith('{"address":"0x') and json.loads(l) for l in lines)
assert {json.loads(l)['address'] for l in lines} == {hex(0x7f0000001000 + i * 0x30) for i in range(500)}
json.loads(z.read('report.json')), json.loads(z.read('modules.json'))
assert len(json.loads(z.read('exceptions.json'))['exceptions']) == 12
assert all(i.date_time == (2023, 11, 14, 22, 13, 20) and i.external_attr >> 16 == 0o100600 for i in z.infolist())
m = email.message_from_bytes(data)
assert m.get_content_type() == 'multipart/related' and m.get_param('type') == 'application/zip'
assert not m.defects, m.defects
assert 'pyheap report' in m.preamble
parts = m.get_payload()
assert [p.get_content_type() for p in parts] == ['application/zip'], parts
body = parts[0].get_payload(decode=True)
start = data.index(b'PK\3\4')
assert data[start:].startswith(body) and len(body) > 10000
# the end record, without its comment, ends the part; the comment is the closing boundary
assert body[-22:-18] == b'PK\5\6' and data[start + len(body):] == b'\n--' + m.get_boundary().encode() + b'--\n'
EOF
fi

# ---- pyheap ----
expect 0 "$PYHEAP" report --json "$F"
[ ! -s "$work/report.json" ] || cmp "$work/out" "$work/report.json" || fail 'report --json is not report.json'
cp "$work/out" "$work/json"
for options in "--format=json" "--format json" "--form json --json"; do
	expect 0 "$PYHEAP" report $options "$F"
	cmp "$work/out" "$work/json" || fail "report $options"
done
expect 0 "$PYHEAP" report "$F"
grep -q 'ValueError: number 0' "$work/out" || fail 'report lacks the exception'
cp "$work/out" "$work/text"
expect 0 "$PYHEAP" report - <"$F"
cmp "$work/out" "$work/text" || fail 'report of standard input'
expect 0 sh -c "cat '$F' | '$PYHEAP' report -"
cmp "$work/out" "$work/text" || fail 'report of a pipe'
expect 0 "$PYHEAP" report --format=signature "$F"
[ "$(cat "$work/out")" = '1:01234567 ValueError in app:function_2' ] ||
	fail "signature: $(cat "$work/out")"
expect 0 "$PYHEAP" report --format=markdown "$F"
expect 0 "$PYHEAP" exceptions "$F"
grep -q 'number 11' "$work/out" || fail 'exceptions lack the deepest'
expect 0 "$PYHEAP" exceptions --json "$F"
expect 0 "$PYHEAP" threads "$F"
grep -q worker "$work/out" || fail 'threads lack a name'
expect 0 "$PYHEAP" threads "$F" --json
grep -q native_threads "$work/out" || fail 'threads --json lacks its keys'
expect 0 "$PYHEAP" print "$F" 0x7f0000001030
expect 0 "$PYHEAP" print --json "$F" 7F0000001030 0x7f0000001000 0x7f0000001030
[ "$(cut -c1-28 "$work/out" | tr '\n' ' ')" = \
	'{"address":"0x7f0000001030", {"address":"0x7f0000001000", {"address":"0x7f0000001030", ' ] ||
	fail "print --json: $(cut -c1-28 "$work/out")"
expect 1 "$PYHEAP" print --json "$F" 0x1234 0x7f0000001000
says '0x1234: not in the dump'
[ "$(wc -l <"$work/out")" -eq 1 ] || fail 'print --json with one missing'

# ---- usage ----
expect 0 "$PYHEAP" --help
for verb in report exceptions threads print; do
	grep -q "^  $verb " "$work/out" || fail "--help lacks $verb"
	expect 0 "$PYHEAP" help $verb
	cp "$work/out" "$work/help"
	expect 0 "$PYHEAP" $verb --help
	cmp "$work/out" "$work/help" || fail "$verb --help"
	expect 0 "$PYHEAP" --help
done
expect 0 "$PYHEAP" --version
expect 2 "$PYHEAP"
expect 2 "$PYHEAP" --frob
says 'pyheap: unknown option --frob; try --help'
expect 2 "$PYHEAP" frob "$F"
says 'no such verb'
expect 2 "$PYHEAP" report
says 'no dump given'
expect 2 "$PYHEAP" report --frob "$F"
says '--frob'
expect 2 "$PYHEAP" report --format=xml "$F"
expect 2 "$PYHEAP" report --json=1 "$F"
expect 2 "$PYHEAP" report --json --format=text "$F"
expect 2 "$PYHEAP" report "$F" "$F"
expect 2 "$PYHEAP" print "$F"
expect 2 "$PYHEAP" print "$F" 0x
expect 2 "$PYHEAP" print "$F" 12g4
expect 2 "$PYHEAP" print "$F" 0x10000000000000000
expect 2 "$PYHEAP" report "$work/nothing"
says 'No such file'
expect 2 "$PYHEAP" report "$work"
mkfifo "$work/pipe"
expect 2 timeout 5 "$PYHEAP" report "$work/pipe"
says 'is a pipe, not a dump'
expect 2 timeout 5 "$PYHEAP" report /dev/null
says 'is a device, not a dump'
expect 2 "$PYHEAP" report "$0"
expect 2 "$PYHEAP" report "$PYHEAP"
[ ! -w /dev/full ] || { "$PYHEAP" report --json "$F" >/dev/full 2>"$work/err" && fail '/dev/full'; }
"$PYHEAP" report --json "$F" 2>"$work/err" | true
[ -s "$work/err" ] && fail "a closed pipe: $(cat "$work/err")"

# ---- cut ----
head -c 20000 "$F" >"$work/cut.pyheap"
expect 1 "$PYHEAP" report "$work/cut.pyheap"
says 'is cut'
cmp "$work/out" "$work/text" || fail 'the report of a dump without its end'
head -c 300 "$F" >"$work/cut.pyheap"
expect 2 "$PYHEAP" report "$work/cut.pyheap"
says 'is cut'
exit $status
