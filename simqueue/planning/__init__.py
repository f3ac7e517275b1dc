"""Planning: how many workers a target needs, and what that rests on."""
