"""Who arrives when, how long each attempt takes, which attempts fail."""
