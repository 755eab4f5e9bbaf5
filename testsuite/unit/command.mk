# Unit tests of the room command; two lines each (see testsuite/unit/base.mk).
