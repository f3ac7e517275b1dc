"""A workload on the real queue, so that a model of it can be laid beside."""
