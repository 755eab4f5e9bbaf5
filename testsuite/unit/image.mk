# Unit tests of the room image; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-image-core
testsuite_unit_test_image_core_SOURCES = testsuite/unit/test-image-core.c testsuite/unit/corebuilder.h
unit_tests += testsuite/unit/test-image-open
testsuite_unit_test_image_open_SOURCES = testsuite/unit/test-image-open.c testsuite/unit/corebuilder.h
unit_tests += testsuite/unit/test-image-modules
testsuite_unit_test_image_modules_SOURCES = testsuite/unit/test-image-modules.c testsuite/unit/corebuilder.h
unit_tests += testsuite/unit/test-image-callback
testsuite_unit_test_image_callback_SOURCES = testsuite/unit/test-image-callback.c
unit_tests += testsuite/unit/test-image-minidump
testsuite_unit_test_image_minidump_SOURCES = testsuite/unit/test-image-minidump.c testsuite/unit/corebuilder.h testsuite/unit/minidumpbuilder.h
unit_tests += testsuite/unit/test-minidump-partial
testsuite_unit_test_minidump_partial_SOURCES = testsuite/unit/test-minidump-partial.c testsuite/unit/corebuilder.h testsuite/unit/minidumpbuilder.h
unit_tests += testsuite/unit/test-minidump-contexts
testsuite_unit_test_minidump_contexts_SOURCES = testsuite/unit/test-minidump-contexts.c testsuite/unit/corebuilder.h testsuite/unit/minidumpbuilder.h
unit_tests += testsuite/unit/test-minidump-streams
testsuite_unit_test_minidump_streams_SOURCES = testsuite/unit/test-minidump-streams.c testsuite/unit/corebuilder.h testsuite/unit/minidumpbuilder.h
