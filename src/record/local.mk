src_record_libph_record_la_SOURCES =
src_record_libph_record_la_SOURCES += src/record/value.c
