# Unit tests of the room detect; two lines each (see testsuite/unit/base.mk).
