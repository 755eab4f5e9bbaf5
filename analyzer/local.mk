bin_PROGRAMS += analyzer/pyheap
analyzer_pyheap_SOURCES =
analyzer_pyheap_SOURCES += analyzer/main.c
analyzer_pyheap_SOURCES += analyzer/pager.c
analyzer_pyheap_SOURCES += analyzer/pager.h
