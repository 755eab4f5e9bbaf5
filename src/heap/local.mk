src_heap_libph_heap_la_SOURCES =
src_heap_libph_heap_la_SOURCES += src/heap/addrset.c
src_heap_libph_heap_la_SOURCES += src/heap/heap.c
src_heap_libph_heap_la_SOURCES += src/heap/pools.c
