src_command_libph_command_la_SOURCES =
src_command_libph_command_la_SOURCES += src/command/arguments.c
src_command_libph_command_la_SOURCES += src/command/command.h
src_command_libph_command_la_SOURCES += src/command/exceptions.c
src_command_libph_command_la_SOURCES += src/command/print.c
src_command_libph_command_la_SOURCES += src/command/report.c
src_command_libph_command_la_SOURCES += src/command/threads.c
src_command_libph_command_la_SOURCES += src/command/verbs.c
