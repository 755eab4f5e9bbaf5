# Pure Python, one file, with nothing of ours beside it.
dist_bin_SCRIPTS = pdb/pyheap-pdb
dist_man_MANS += doc/man/pyheap-pdb.1
