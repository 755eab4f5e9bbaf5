# Unit tests of the room runtime; two lines each (see testsuite/unit/base.mk).
