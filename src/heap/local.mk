src_heap_libph_heap_la_SOURCES =
src_heap_libph_heap_la_SOURCES += src/heap/addrset.c
src_heap_libph_heap_la_SOURCES += src/heap/heap.c
src_heap_libph_heap_la_SOURCES += src/heap/pools.c
src_heap_libph_heap_la_SOURCES += src/heap/roots.c
src_heap_libph_heap_la_SOURCES += src/heap/roots_data.c
src_heap_libph_heap_la_SOURCES += src/heap/roots_native.c
src_heap_libph_heap_la_SOURCES += src/heap/roots_threads.c
