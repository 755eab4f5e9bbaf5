# Free-threaded builds without one: a process compiled from an ordinary build's headers.
TESTS += testsuite/freethreaded/layouts.sh
EXTRA_DIST += testsuite/freethreaded/process.c testsuite/freethreaded/check_process.py
