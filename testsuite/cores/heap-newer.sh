#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# heap.sh with the versions and the debug builds of Debian's newer suites, in a chroot.
exec "$top_srcdir/testsuite/cores/heap.sh" 3.14 3.15 3.11-debug 3.13-debug 3.14-debug 3.15-debug
