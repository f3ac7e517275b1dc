"""The shop's workers: a handler for each kind of job, and the process that runs them."""
