"""A downstream that fails for a while: what is lost, and how long until it is as before."""
