src_session_libph_session_la_SOURCES =
src_session_libph_session_la_SOURCES += src/session/session.c
src_session_libph_session_la_SOURCES += src/session/inspect.c
src_session_libph_session_la_SOURCES += src/session/frames.c
src_session_libph_session_la_SOURCES += src/session/private.h
