src_layout_libph_layout_la_SOURCES =
src_layout_libph_layout_la_SOURCES += src/layout/names.c
src_layout_libph_layout_la_SOURCES += src/layout/resolve.c
src_layout_libph_layout_la_SOURCES += src/layout/tables.c
src_layout_libph_layout_la_SOURCES += src/layout/traits.c
