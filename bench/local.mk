# make bench: see bench/bench.sh and doc/performance.md
bench: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON3='$(PYTHON)' \
		$(SHELL) $(srcdir)/bench/bench.sh
.PHONY: bench
