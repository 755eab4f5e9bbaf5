bin_PROGRAMS += converter/core2pyheap
converter_core2pyheap_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/converter
converter_core2pyheap_SOURCES =
converter_core2pyheap_SOURCES += converter/core2pyheap.c
converter_core2pyheap_SOURCES += converter/options.c
converter_core2pyheap_SOURCES += converter/options.h
converter_core2pyheap_SOURCES += converter/output.c
converter_core2pyheap_SOURCES += converter/output.h
