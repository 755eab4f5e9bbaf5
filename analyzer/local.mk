bin_PROGRAMS += analyzer/pyheap
analyzer_pyheap_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
analyzer_pyheap_SOURCES =
analyzer_pyheap_SOURCES += analyzer/main.c
analyzer_pyheap_SOURCES += analyzer/pager.c
analyzer_pyheap_SOURCES += analyzer/pager.h
analyzer_pyheap_SOURCES += terminal/progress.c
analyzer_pyheap_SOURCES += terminal/progress.h
