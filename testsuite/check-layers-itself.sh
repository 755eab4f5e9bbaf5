#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# check-layers must find what it is there to find: sins are planted in a copy of the table, one at a time.
set -u
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
: "${PYTHON3:=python3}" "${CC:=cc}"
"$PYTHON3" -c pass || exit 77
status=0
unset top_builddir

fresh() {
	rm -rf "$work/t"
	mkdir -p "$work/t/testsuite" "$work/t/converter"
	cp "$top_srcdir/testsuite/layers.txt" "$work/t/testsuite/"
	for room in base image layout target object record runtime heap; do
		mkdir -p "$work/t/src/$room"
		echo '#include <stdio.h>' >"$work/t/src/$room/$room.h"
	done
}

# expect RESULT FILE TEXT: with TEXT appended to FILE, check-layers is content (0) or not (1)
expect() {
	fresh
	printf '%s\n' "$3" >>"$work/t/$2"
	"$PYTHON3" "$top_srcdir/testsuite/check-layers" "$work/t" >"$work/out" 2>&1
	got=$?
	if [ $got -ne "$1" ]; then
		echo "status $got, not $1, for $2: $3"
		cat "$work/out"
		status=1
	fi
}

expect 0 src/object/a.c '#include "target/target.h"'
expect 0 src/object/a.c '#include "object/object.h"'
expect 0 src/object/a.c '#include <pyheap/error.h>'
expect 0 converter/a.c '#include <pyheap/error.h>'
expect 0 src/image/a.c '#include <bfd.h>'
expect 0 src/layout/a.c 'if (v.minor >= 11)'
expect 0 src/object/a.c 'if (v.minor == w.minor)'
expect 1 src/object/a.c '#include "image/image.h"'
expect 1 src/object/a.c '#  include  "image/image.h"'
expect 1 src/base/a.c '#include "record/record.h"'
expect 1 src/object/a.c '#include "object.h"'
expect 1 src/object/a.c '#include <image/image.h>'
expect 1 src/object/a.c '#include "pyheap/error.h"'
expect 1 src/object/a.c '#include <bfd.h>'
expect 1 src/object/a.c 'if (v->minor >= 11)'
expect 1 src/runtime/a.c 'return version.major == 3;'
expect 1 converter/a.c '#include "image/image.h"'
expect 1 src/base/long.c "$(seq 700)"
expect 0 src/base/long.c "$(seq 600)"
expect 0 src/layout/known_types.c "$(seq 700)"

# The link: record may not use image, by whatever declaration; and nothing may stay undefined.
link() {
	fresh
	mkdir -p "$work/build"
	echo 'int ph_image_x(void); int ph_image_x(void) { return 1; }' >"$work/image.c"
	echo "$2" >"$work/record.c"
	for room in $(sed -n 's/^\([a-z]*\):.*/\1/p' "$top_srcdir/testsuite/layers.txt"); do
		case $room in program | only | generated) continue ;; esac
		archives=$work/build/src/$room/.libs
		rm -rf "$archives"
		mkdir -p "$archives"
		[ -f "$work/$room.c" ] || echo 'typedef int nothing;' >"$work/$room.c"
		$CC -fPIC -c -o "$archives/$room.o" "$work/$room.c" &&
			ar cr "$archives/libph-$room.a" "$archives/$room.o" || exit 99
	done
	top_srcdir=$work/t top_builddir=$work/build LAYERS_LINK=$3 EXTERNAL_LIBS= \
		"$PYTHON3" "$top_srcdir/testsuite/check-layers" >"$work/out" 2>&1
	got=$?
	if [ $got -ne "$1" ]; then
		echo "status $got, not $1, for the link of: $2"
		cat "$work/out"
		status=1
	fi
}
link 0 'int f(void); int f(void) { return 2; }' yes
link 1 'int ph_image_x(void); int f(void); int f(void) { return ph_image_x(); }' yes
link 1 'int ph_image_x(void); int f(void); int f(void) { return ph_image_x(); }' no
link 1 'int ph_nowhere(void); int f(void); int f(void) { return ph_nowhere(); }' yes
link 0 'int ph_nowhere(void); int f(void); int f(void) { return ph_nowhere(); }' no
exit $status
