src_session_libph_session_la_SOURCES =
src_session_libph_session_la_SOURCES += src/session/session.c
