# make bench: see bench/run.sh and doc/performance.md
bench: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON3='$(PYTHON)' \
		$(SHELL) $(srcdir)/bench/run.sh
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON3='$(PYTHON)' \
		$(SHELL) $(srcdir)/bench/dump.sh
.PHONY: bench
