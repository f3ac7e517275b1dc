"""What a learner guessed and answered: kept in a file (`record`), and added up (`score`, `scores`).

Nothing here leaves the machine: a learner hands the file in, or the line that sums it up.
"""
