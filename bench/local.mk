# make bench: see bench/bench.sh and doc/performance.md
bench: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON3='$(PYTHON)' \
		BENCH_BUILD="$(CC) $(CFLAGS), `test -s profile/flags && echo profile-guided || echo plain`" \
		$(SHELL) $(srcdir)/bench/bench.sh
.PHONY: bench
