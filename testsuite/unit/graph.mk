# Unit tests of the room graph; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-graph
testsuite_unit_test_graph_SOURCES = testsuite/unit/test-graph.c
unit_tests += testsuite/unit/test-graph-store
testsuite_unit_test_graph_store_SOURCES = testsuite/unit/test-graph-store.c
unit_tests += testsuite/unit/test-graph-dominators
testsuite_unit_test_graph_dominators_SOURCES = testsuite/unit/test-graph-dominators.c
