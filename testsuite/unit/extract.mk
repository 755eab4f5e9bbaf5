# Unit tests of the room extract; two lines each (see testsuite/unit/base.mk).
