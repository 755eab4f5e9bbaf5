# Unit tests of the room image; two lines each (see testsuite/unit/base.mk).
