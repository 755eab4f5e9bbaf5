#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The interpreter as the oracle of the whole heap: every object that the dying process could reach, its type,
# sys.getsizeof and gc.get_referents, against `pyheap export` of a dump made from the core alone.  Shares of at least 0.9995
# each; the rest is the truth's own (its writer makes a few objects), which the log shows object by object.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
alone=
if [ "${1-}" = --alone ]; then
	alone=yes # nothing is read but the core
	shift
fi
versions=${*:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
mkdir "$work/empty"
failures=0 ran=0

for version in $versions; do
	core=$("$here/get-core" "$version" abort) || {
		[ $? -eq 77 ] && { echo "no Python $version here"; continue; }
		echo "FAILED: Python $version: no core"; failures=$((failures + 1)); continue; }
	ran=$((ran + 1))
	echo "== Python $version"
	if [ -n "$alone" ]; then
		set -- --sysroot="$work/empty" "$core/core"
	else
		set -- "$core/core" "$(cat "$core/python")"
	fi
	timeout 300 "$CORE2PYHEAP" --report=none -o "$work/dump" "$@" 2>"$work/stderr" ||
		{ echo "FAILED: core2pyheap ended with status $?"; cat "$work/stderr"; failures=$((failures + 1)); continue; }
	timeout 300 "$PYHEAP" export "$work/dump" >"$work/objects" ||
		{ echo "FAILED: pyheap export ended with status $?"; failures=$((failures + 1)); continue; }
	timeout 300 "$PYTHON3" "$here/check_heap.py" --core="$core/core" "$work/objects" "$core/heap.tsv" 0.9995 ||
		{ echo "FAILED: Python $version: a share is below 0.9995"; failures=$((failures + 1)); }
	# objects, what they hold and the rest are all that is allocated, and less than a hundredth of it is nobody's
	"$PYHEAP" memory --json "$work/dump" >"$work/memory" || failures=$((failures + 1))
	"$PYTHON3" - "$work/memory" "$version" <<-'END' || { echo "FAILED: memory"; failures=$((failures + 1)); }
		import json, sys
		memory = json.load(open(sys.argv[1]))
		rows = {row['what']: row['bytes'] for row in memory['rows']}
		assert sum(rows.values()) == memory['total'], 'the sum'
		owned = sum(v for k, v in rows.items() if k.endswith('.objects') or k.endswith('.blocks'))
		# musl's malloc is not known: what objects have of it is in no row
		held = sum(t['held'] for t in memory['types'])
		assert owned == held or owned < held and not rows['malloc.objects'], 'held by types'
		tried = 0
		for kind in 'pymalloc', 'mimalloc', 'malloc':
		    used = sum(rows[kind + '.' + k] for k in ('objects', 'blocks', 'interpreter', 'unattributed'))
		    if used:
		        tried += 1
		        print('%s: %d bytes in use, %.4f unattributed' % (kind, used, rows[kind + '.unattributed'] / used))
		        # free-threaded builds have little of malloc
		        few = kind == 'malloc' and used < 1000000
		        assert rows[kind + '.unattributed'] < used / (50 if few else 100), kind
		assert tried
		if sys.argv[2].endswith('-t'):
		    assert rows['mimalloc.free_blocks'], rows
	END
	# since 3.14 threads count references to classes, code and globals by themselves, until a collection
	case $version in 3.13-t) ;; *-t)
		"$here/make-core" "$work/own" "$(cat "$core/python")" "$here/counted_program.py" &&
			"$CORE2PYHEAP" --report=none -o "$work/own/dump" "$work/own/core" 2>"$work/stderr" ||
			{ echo "FAILED: no dump of what threads count"; cat "$work/stderr"; failures=$((failures + 1)); }
		class=$("$PYHEAP" types --json "$work/own/dump" | sed -n 's/{"type":"Counted".*"address":"\([^"]*\)".*/\1/p')
		"$PYHEAP" referrers "$work/own/dump" "${class:-none}" >"$work/types"
		grep -qE '^ob_refcnt 30[0-9] \(deferred\) = [0-9] edges \+ 300 instances$' "$work/types" ||
			{ echo "FAILED: what threads count: $(tail -1 "$work/types")"; failures=$((failures + 1)); }
		rm -rf "$work/own"
		;;
	esac
	"$PYHEAP" types --limit=1 "$work/dump" >"$work/types" || failures=$((failures + 1))
	! grep -i damage "$work/types" || { echo "FAILED: a healthy heap is said to be damaged"; failures=$((failures + 1)); }
	# the counts of `types` are those of the export
	"$PYHEAP" types --json "$work/dump" >"$work/types" || failures=$((failures + 1))
	"$PYTHON3" - "$work/objects" "$work/types" <<-'END' || { echo "FAILED: types and export disagree"; failures=$((failures + 1)); }
		import collections, json, sys
		count, size = collections.Counter(), collections.Counter()
		last = 0
		for line in open(sys.argv[1]):
		    o = json.loads(line)
		    count[o['module'], o['type']] += 1
		    size[o['module'], o['type']] += o['size'] or 0
		    assert int(o['address'], 16) > last, line
		    last = int(o['address'], 16)
		for line in open(sys.argv[2]):
		    t = json.loads(line)
		    count[t['module'], t['type']] -= t['count']
		    size[t['module'], t['type']] -= t['size']
		sys.exit(1 if any(count.values()) or any(size.values()) else 0)
	END
	# referents and referrers of some objects are those of the export
	case $version in 3.8 | 3.13 | 3.14-t | system) ;; *) rm -f "$work/dump"; continue ;; esac
	"$PYTHON3" - "$PYHEAP" "$work/dump" "$work/objects" "$version" <<-'END' || { echo "FAILED: referents or referrers disagree with export"; failures=$((failures + 1)); }
		import collections, json, subprocess, sys
		program, dump, objects = sys.argv[1:4]
		refs, extra, back, kinds = {}, {}, collections.defaultdict(list), {}
		for line in open(objects):
		    o = json.loads(line)
		    a = o['address']
		    kinds.setdefault(o['type'], []).append(a)
		    refs[a], extra[a] = o['refs'], [e['address'] for e in o['extra']]
		    for b in refs[a] + extra[a]:
		        back[b].append(a)
		kinds_of = {a: t for t, all in kinds.items() for a in all}
		dump_is_free = sys.argv[4].endswith('-t')
		chosen = [a for t in ('function', 'dict', 'Node', 'code', 'module', 'list') for a in kinds[t][-2:]]
		n = 0
		# and what a thread's local alone holds, or it and others
		roots = subprocess.run([program, 'roots', '--json', dump], capture_output=True, check=True).stdout.splitlines()
		held = collections.Counter(r['address'] for r in map(json.loads, roots) if r['counted'] and r['kind'] == 'local')
		# (an instance does not store the edge to its type)
		chosen += sorted(a for a in held if kinds_of.get(a) in ('function', 'dict', 'list', 'Node', 'Queue'))[:6]
		rooted = 0
		for a in chosen:
		    def ask(verb):
		        out = subprocess.run([program, verb, '--json', dump, a], capture_output=True, check=True).stdout
		        return [json.loads(line) for line in out.splitlines()]
		    rows = ask('referents')
		    assert sorted(r['address'] for r in rows if not r['extra']) == sorted(refs[a]), (a, 'referents')
		    assert sorted(r['address'] for r in rows if r['extra']) == sorted(extra[a]), (a, 'extra')
		    rows = ask('referrers')
		    assert sorted(r['address'] for r in rows[:-1] if 'address' in r) == sorted(back[a]), (a, 'referrers')
		    last = rows[-1]
		    assert last['roots'] >= held[a], (a, last, held[a])
		    rooted += last['roots']
		    # free-threaded: the references of code are not all in its count, nor those of functions that are not nested
		    assert last['deferred'] == dump_is_free or kinds_of[a] != 'code', (a, last)
		    assert not last['deferred'] or kinds_of[a] in ('code', 'function', 'module'), (a, last)
		    if not last['immortal']:
		        certain = last['edges'] + last['roots'] + last['instances']
		        assert certain + last['unexplained'] <= last['refcount'] <= certain + last['guessed'] + last['unexplained'], last
		    n += last['unexplained'] == 0
		assert held.keys().isdisjoint(chosen) or rooted, 'no object is held by a root'
		assert n >= len(chosen) / 2, 'most reference counts are explained: %d of %d' % (n, len(chosen))
		print('%d of %d reference counts explained' % (n, len(chosen)))
	END
	rm -f "$work/dump"
done
[ $ran -gt 0 ] || exit 77
# a dump without the heap says so
core=$("$here/get-core" "$(echo "$versions" | cut -d' ' -f1)" abort 2>/dev/null) && [ -n "$core" ] && {
	"$CORE2PYHEAP" --report=none --heap=stacks -o "$work/small" "$core/core" 2>/dev/null
	"$PYHEAP" types "$work/small" >"$work/out" 2>&1 && { echo "FAILED: types of a dump without the heap"; failures=$((failures + 1)); }
	grep -q 'heap=full' "$work/out" || { echo "FAILED: the message does not say what to do"; cat "$work/out"; failures=$((failures + 1)); }
}
[ $failures -eq 0 ]
