dist_man_MANS += doc/man/core2pyheap.1
dist_man_MANS += doc/man/pyheap.1
dist_man_MANS += doc/man/pyheap-gdb.7
EXTRA_DIST += doc/dump-format.md
EXTRA_DIST += doc/in-process.md doc/gdb.md doc/gdb-transcript doc/gdb-cores-summary
EXTRA_DIST += doc/json.md
EXTRA_DIST += doc/adding-a-python.md
EXTRA_DIST += doc/support.md
