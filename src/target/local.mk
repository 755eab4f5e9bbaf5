src_target_libph_target_la_SOURCES =
src_target_libph_target_la_SOURCES += src/target/target.c
