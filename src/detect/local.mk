src_detect_libph_detect_la_SOURCES =
src_detect_libph_detect_la_SOURCES += src/detect/detect.c
src_detect_libph_detect_la_SOURCES += src/detect/evidence.c
src_detect_libph_detect_la_SOURCES += src/detect/check.c
src_detect_libph_detect_la_SOURCES += src/detect/scan.c
src_detect_libph_detect_la_SOURCES += src/detect/infer.c
