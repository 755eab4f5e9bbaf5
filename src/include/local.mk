phincludedir = $(includedir)/pyheap
phinclude_HEADERS =
phinclude_HEADERS += src/include/pyheap/callbacks.h
phinclude_HEADERS += src/include/pyheap/dump.h
phinclude_HEADERS += src/include/pyheap/error.h
phinclude_HEADERS += src/include/pyheap/image.h
phinclude_HEADERS += src/include/pyheap/session.h
phinclude_HEADERS += src/include/pyheap/verb.h
