"""What binds a run, and what it needs: a sentence each.

The need of a queue is the work that was asked of it (`simqueue.results.offered`), not what this
run happened to meet, and not the time that attempts were held up: more of what it names would not
raise it. What is said of waits and of lost jobs is this run's own.
"""
