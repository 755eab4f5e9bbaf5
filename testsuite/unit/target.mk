# Unit tests of the room target; two lines each (see testsuite/unit/base.mk).
