#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# heap.sh with the core alone: no file of the machine that it comes from.
exec "$top_srcdir/testsuite/cores/heap.sh" --alone 2.7 3.6 3.11 3.13
