src_object_libph_object_la_SOURCES =
src_object_libph_object_la_SOURCES += src/object/code.c
src_object_libph_object_la_SOURCES += src/object/frame.c
src_object_libph_object_la_SOURCES += src/object/linetable.c
