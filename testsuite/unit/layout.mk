# Unit tests of the room layout; two lines each (see testsuite/unit/base.mk).
