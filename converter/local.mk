# bin_PROGRAMS += converter/core2pyheap
# converter_core2pyheap_SOURCES =
# converter_core2pyheap_SOURCES += converter/main.c
