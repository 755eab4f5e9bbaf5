# Unit tests of the room heap; two lines each (see testsuite/unit/base.mk).
