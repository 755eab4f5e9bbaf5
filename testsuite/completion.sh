#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What Tab gives in bash and zsh, from the files that `make install` puts into place.
set -u
: "${top_builddir:=.}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}"
command -v bash >/dev/null || { echo "no bash here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
failures=0

make -s -C "$top_builddir" install-dist_bashcompletionDATA install-dist_zshcompletionDATA \
	prefix=/usr datadir=/usr/share DESTDIR="$work/root" >"$work/made" 2>&1 || { cat "$work/made"; exit 1; }
files=$work/root/usr/share/bash-completion/completions
mkdir "$work/bin"
ln -s "$(cd "$(dirname "$PYHEAP")" && pwd)/pyheap" "$(cd "$(dirname "$CORE2PYHEAP")" && pwd)/core2pyheap" "$work/bin"
PATH=$work/bin:$PATH
export PATH files

expect() { # SHELL LINE REPLIES
	if [ "$got" = "$3" ]; then return; fi
	failures=$((failures + 1))
	printf 'FAILED: %s: %s\n  got  %s\n  want %s\n' "$1" "$2" "$got" "$3"
}

in_bash() { # LINE REPLIES
	got=$(bash -c '
		. "$files/${1%% *}"
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"${1//=/ = }"
		[ "${1% }" = "$1" ] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_${1%% *} ${1%% *} 2>/dev/null
		echo "${COMPREPLY[*]}"
	' bash "$1")
	expect bash "$1" "$2"
}

in_bash 'pyheap re' 'report referents referrers retained'
in_bash 'pyheap --no-pager gar' 'garbage '
in_bash 'pyheap --no' '--no-pager '
in_bash 'pyheap types --' '--json --sort= --limit= --by-module --baseline='
in_bash 'pyheap types --sort=' 'size count name held retained'
in_bash 'pyheap types --sort=re' 'retained '
in_bash 'pyheap report --format=m' 'markdown '
in_bash 'pyheap help gre' 'greenlets '
in_bash 'core2pyheap --re' '--report= --redact= --redact-words='
in_bash 'core2pyheap --heap=' 'full stacks none'
# each option of each verb is one that the verb takes
for verb in $("$PYHEAP" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	[ "$verb" != help ] || continue
	for option in $(bash -c '. "$files/pyheap"; _pyheap_usage pyheap '"$verb"' | _pyheap_options'); do
		"$PYHEAP" "$verb" "${option%=}" 2>&1 </dev/null | grep -q 'no such option\|unknown option' &&
			{ echo "FAILED: pyheap $verb $option"; failures=$((failures + 1)); }
	done
done

# types from a dump, where a core is at hand
core=$("$top_srcdir/testsuite/cores/get-core" system abort 2>/dev/null) &&
	"$CORE2PYHEAP" --report=none -o "$work/x.pyheap" "$core/core" 2>/dev/null && {
	in_bash "pyheap verify $work/x" "$work/x.pyheap "
	in_bash "pyheap find $work/x.pyheap collections.defau" 'collections.defaultdict '
	in_bash "pyheap find $work/x.pyheap memoryvie" 'memoryview '
}

if command -v zsh >/dev/null; then
	in_zsh() { # WORDS... ; what compadd, _describe and _arguments are given
		zsh -fc '
			compadd() { print -r -- add "$@" }
			_describe() { print -rl -- "describe ${(P)@[2]}" }
			_arguments() { print -r -- arguments "$@" }
			file=$1 service=$2; shift
			words=("$@") CURRENT=$#words PREFIX=$words[-1]
			. $file
		' zsh "$work/root/usr/share/zsh/site-functions/_pyheap" "$@" 2>&1
	}
	got=$(in_zsh pyheap re | grep -o 'retained:which objects keep')
	expect zsh 'pyheap re' 'retained:which objects keep'
	got=$(in_zsh pyheap types --s | tr ' ' '\n' | grep -c -e '--json' -e '--by-module' -e '--sort=:value:(size')
	expect zsh 'pyheap types --s' 3
	got=$(in_zsh core2pyheap --r | tr ' ' '\n' | grep -c -e '^--redact=:value' -e '^--explain$')
	expect zsh 'core2pyheap --r' 2
else
	echo "no zsh here: its file is not tried"
fi
echo "$failures wrong"
[ $failures -eq 0 ]
