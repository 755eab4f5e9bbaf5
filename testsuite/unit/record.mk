# Unit tests of the room record; two lines each (see testsuite/unit/base.mk).
