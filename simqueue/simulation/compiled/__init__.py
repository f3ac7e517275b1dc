"""BullMQ in virtual time once more, compiled: the same rules on arrays of numbers.

Each rule has the name that it has in `simqueue.simulation.bullmq` and `simqueue.simulation.core`,
in a file of the same name where there is one: read the two side by side. That one is to be
understood and is checked against the real queue; this one is tens of times as fast, and tests
hold that the two write the same log, to the last bit.
"""
