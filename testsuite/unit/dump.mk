# Unit tests of the room dump; two lines each (see testsuite/unit/base.mk).
