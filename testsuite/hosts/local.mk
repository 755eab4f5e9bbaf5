# Programs that have Python inside: real servers on loopback.  `make check-hosts` runs these alone.
host_tests =
host_tests += testsuite/hosts/embed.sh
host_tests += testsuite/hosts/uwsgi.sh
host_tests += testsuite/hosts/gdb.sh
host_tests += testsuite/hosts/apache.sh
host_tests += testsuite/hosts/postgresql.sh
host_tests += testsuite/hosts/standalone.sh
host_tests += testsuite/hosts/two.sh
host_tests += testsuite/hosts/vim.sh
host_tests += testsuite/hosts/pyinstaller.sh
TESTS += $(host_tests)

check-hosts: all
	$(MAKE) check TESTS='$(host_tests)'
.PHONY: check-hosts
