# Unit tests of the room graph; two lines each (see testsuite/unit/base.mk).
