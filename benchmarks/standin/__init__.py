"""A company's queues on Node's BullMQ, and the truth about them; ``python -m benchmarks.standin``.

It stands in for a production that nobody here may watch: what `simqueue calibrate` learns from one
day of it, and says about a busier one, is held against what that busier day then brings. It shares
no code with the model that is judged.
"""
