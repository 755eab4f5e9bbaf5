src_target_libph_target_la_SOURCES =
# until layout/fields.def is there:
# src_target_libph_target_la_SOURCES += src/target/target.c
