#!/bin/sh
# Write syscalls-ARCH.def from the kernel's header.  Not part of the build: the result is committed.
# usage: make-syscalls.sh /usr/include/x86_64-linux-gnu/asm/unistd_64.h > syscalls-x86_64.def
set -eu
echo '/* SPDX-License-Identifier: GPL-3.0-or-later */'
echo "/* System calls by number; made by make-syscalls.sh from the kernel's ${1##*/asm/}. */"
awk '$1 == "#define" && $2 ~ /^__NR_/ && $3 ~ /^[0-9]+$/ {
	sub(/^__NR_/, "", $2); printf "PH_SYSCALL(%s, %s)\n", $3, $2 }' "$1" | sort -t'(' -k2n
