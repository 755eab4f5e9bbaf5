src_base_libph_base_la_SOURCES =
src_base_libph_base_la_SOURCES += src/base/addrmap.c
src_base_libph_base_la_SOURCES += src/base/arena.c
src_base_libph_base_la_SOURCES += src/base/buffer.c
src_base_libph_base_la_SOURCES += src/base/callbacks.c
src_base_libph_base_la_SOURCES += src/base/damage.c
src_base_libph_base_la_SOURCES += src/base/error.c
src_base_libph_base_la_SOURCES += src/base/status.c
