# The gdb commands: Python that gdb runs, and the module that it imports.
gdbscriptsdir = $(pkgdatadir)/gdb/pyheap_gdb
gdbloaderdir = $(pkgdatadir)/gdb
gdbmoduledir = $(pkglibdir)/gdb

gdbmodule_LTLIBRARIES =
dist_gdbscripts_DATA =
nodist_gdbloader_DATA =
EXTRA_DIST += gdb-scripts/pyheap-gdb.py.in gdb-scripts/auto-load

if GDB_MODULE
gdbmodule_LTLIBRARIES += gdb-scripts/_pyheap.la
gdb_scripts__pyheap_la_SOURCES =
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/callback.c
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/image.c
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/inspect.c
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/module.c
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/module.h
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/session.c
gdb_scripts__pyheap_la_SOURCES += gdb-scripts/verb.c
gdb_scripts__pyheap_la_CPPFLAGS = $(AM_CPPFLAGS) $(PYTHON_INCLUDES)
# Every room, the image without libbfd: gdb gives symbols, and libbfd's name changes with each version.
GDB_ROOM_LIBS = $(ROOM_LIBS:src/image/libph-image.la=src/image/libph-image-plain.la)
gdb_scripts__pyheap_la_LIBADD = $(GDB_ROOM_LIBS) $(DEPS_LIBS) $(UNISTRING_LIBS)
gdb_scripts__pyheap_la_LDFLAGS = $(PH_SANITIZE) -module -avoid-version -shared -export-symbols-regex '^PyInit__pyheap$$'

dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/__init__.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/builtins.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/commands.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/frames.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/heap.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/printers.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/process.py
dist_gdbscripts_DATA += gdb-scripts/pyheap_gdb/target.py

# In the build tree it finds the sources and the module where they are; installed, where they go.
noinst_DATA = gdb-scripts/pyheap-gdb.py
nodist_gdbloader_DATA += gdb-scripts/installed/pyheap-gdb.py
CLEANFILES += gdb-scripts/pyheap-gdb.py gdb-scripts/installed/pyheap-gdb.py

gdb-scripts/pyheap-gdb.py: gdb-scripts/pyheap-gdb.py.in Makefile
	@$(MKDIR_P) gdb-scripts
	$(AM_V_GEN)sed -e 's|@SCRIPTS''@|$(abs_top_srcdir)/gdb-scripts|' \
		-e 's|@MODULE''@|$(abs_top_builddir)/gdb-scripts/.libs|' $(srcdir)/gdb-scripts/pyheap-gdb.py.in >$@.new
	@mv $@.new $@

gdb-scripts/installed/pyheap-gdb.py: gdb-scripts/pyheap-gdb.py.in Makefile
	@$(MKDIR_P) gdb-scripts/installed
	$(AM_V_GEN)sed -e 's|@SCRIPTS''@|$(gdbloaderdir)|' -e 's|@MODULE''@|$(gdbmoduledir)|' \
		$(srcdir)/gdb-scripts/pyheap-gdb.py.in >$@.new
	@mv $@.new $@

# Where gdb finds it by itself; AUTO_LOAD_FILES: the Pythons that it is for, else those of this machine.
gdbautoloaddir = $(datadir)/gdb/auto-load
install-data-hook:
	DESTDIR='$(DESTDIR)' $(SHELL) $(srcdir)/gdb-scripts/auto-load install '$(gdbautoloaddir)' \
		'$(gdbloaderdir)/pyheap-gdb.py' $(AUTO_LOAD_FILES)
uninstall-hook:
	DESTDIR='$(DESTDIR)' $(SHELL) $(srcdir)/gdb-scripts/auto-load uninstall '$(gdbautoloaddir)' -
endif
