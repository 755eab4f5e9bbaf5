#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The standalone build that uv installs (python-build-standalone: Clang, LTO, one stripped static executable), held as the
# other versions are.  It comes from a Go module, through the client's own cache.
#
# environment: HOSTS_STANDALONE, an interpreter of such a build, instead
. "$top_srcdir/testsuite/cores/common.sh"
module=github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1
command -v unzip >/dev/null || skip "no unzip"
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
[ "$(uname -m)" = x86_64 ] || skip "not an x86-64 machine"
home=${PYHEAP_CORES:-$top_builddir/testsuite/cores/made}/standalone-3.14.6
python=${HOSTS_STANDALONE-}

if [ -z "$python" ] && [ ! -x "$home/bin/python3.14" ]; then
	command -v go >/dev/null || skip "no go, whose module holds the build"
	mkdir "$work/go"
	(cd "$work/go" && GOFLAGS=-mod=mod timeout 300 go mod download -json "$module") >"$work/go.json" 2>"$work/err" ||
		skip "$module cannot be downloaded"
	"$PYTHON3" - "$work/go.json" "$work/home" <<'P' || exit 99
import gzip, json, os, sys
source = os.path.join(json.load(open(sys.argv[1]))['Dir'], 'python/internal/data/linux-amd64')
for entry in json.load(open(source + '/files.json'))['files']:
    path = os.path.join(sys.argv[2], entry['name'])
    if entry['perm'] & 1 << 31:  # Go's os.ModeDir
        os.makedirs(path, exist_ok=True)
        continue
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if entry.get('symlink'):
        os.symlink(entry['symlink'], path)
        continue
    plain = os.path.join(source, entry['name'])
    with (open(plain, 'rb') if os.path.exists(plain) else gzip.open(plain + '.gz')) as a, open(path, 'wb') as b:
        b.write(a.read())
    os.chmod(path, entry['perm'] & 0o777)
P
	mkdir -p "$(dirname "$home")"
	mv "$work/home" "$home" || exit 99
fi
[ -n "$python" ] || python=$home/bin/python3.14

for mode in ${HOSTS_MODES:-abort segv gcdel}; do
	dir=$work/$mode
	"$cores/run" "$python" "$dir" "$mode" >"$work/out" 2>"$work/err" || {
		[ $? -eq 77 ] && skip "no cores can be made here"
		cat "$work/err"
		exit 99
	}
	for operand in "$python" --sysroot="$work/cwd"; do
		run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/dump.pyheap" "$operand" "$dir/core"
		cp "$work/out" "$work/report.json"
		"$PYTHON3" "$cores/check_report.py" "$work/report.json" "$dir/gt.json" >"$work/held" 2>&1
		result=$?
		check "the report: $(tail -n 3 "$work/held")" [ $result -eq 0 ]
		echo "$mode, $operand: $(tail -n 1 "$work/held")"
		alone=--alone
		[ "$operand" = "$python" ] && alone=
		# shellcheck disable=SC2086
		"$PYTHON3" "$cores/check_objects.py" $alone "$PYHEAP" "$work/dump.pyheap" "$dir/gt.json" >"$work/held" 2>&1
		result=$?
		check "the objects: $(tail -n 3 "$work/held")" [ $result -eq 0 ]
		echo "$mode, $operand: $(tail -n 1 "$work/held")"
		rm -f "$work/dump.pyheap"
	done
done
finish
