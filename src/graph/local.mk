src_graph_libph_graph_la_SOURCES =
src_graph_libph_graph_la_SOURCES += src/graph/build.c
src_graph_libph_graph_la_SOURCES += src/graph/cycles.c
src_graph_libph_graph_la_SOURCES += src/graph/graph.h
src_graph_libph_graph_la_SOURCES += src/graph/dominators.c
src_graph_libph_graph_la_SOURCES += src/graph/store.c
src_graph_libph_graph_la_SOURCES += src/graph/store.h
