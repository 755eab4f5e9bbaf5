# Unit tests of the room object; two lines each (see testsuite/unit/base.mk).
