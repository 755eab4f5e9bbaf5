# Unit tests of the room base.  Two lines each; all rooms and libraries are linked in.
