"""Workers of Node's BullMQ as the real side: the same scripts, run by the installed package."""
