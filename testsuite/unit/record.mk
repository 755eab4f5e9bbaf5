# Unit tests of the room record; two lines each (see testsuite/unit/base.mk).
unit_tests += testsuite/unit/test-record-redact
testsuite_unit_test_record_redact_SOURCES = testsuite/unit/test-record-redact.c testsuite/unit/record_fake.h
unit_tests += testsuite/unit/test-record-render
testsuite_unit_test_record_render_SOURCES = testsuite/unit/test-record-render.c testsuite/unit/record_fake.h
unit_tests += testsuite/unit/test-record-report
testsuite_unit_test_record_report_SOURCES = testsuite/unit/test-record-report.c testsuite/unit/record_fake.h
EXTRA_DIST += testsuite/golden/exceptions.json testsuite/golden/exceptions.txt testsuite/golden/report-colour-40.txt \
	testsuite/golden/report.json testsuite/golden/report.md testsuite/golden/report.txt

# The renderer against the Python that runs the scripts.
check_PROGRAMS += testsuite/record/record-helper
testsuite_record_record_helper_SOURCES = testsuite/record/record-helper.c
TESTS += testsuite/record/check-quoting.py testsuite/record/check-tracebacks.py
EXTRA_DIST += testsuite/record/check-quoting.py testsuite/record/check-tracebacks.py
