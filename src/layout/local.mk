src_layout_libph_layout_la_SOURCES =
src_layout_libph_layout_la_SOURCES += src/layout/debug_offsets.c
src_layout_libph_layout_la_SOURCES += src/layout/known_types.c
src_layout_libph_layout_la_SOURCES += src/layout/names.c
src_layout_libph_layout_la_SOURCES += src/layout/resolve.c
src_layout_libph_layout_la_SOURCES += src/layout/tables.c
src_layout_libph_layout_la_SOURCES += src/layout/traits.c
