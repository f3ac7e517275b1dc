"""The same queue as a network in Ciw: a node with the slots, and one where failed jobs wait.

The second node has infinitely many servers and its service time is the backoff. A job's attempt
number is told by the records that it already has: one from each node for each failed attempt.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import ciw

from benchmarks.work import Attempt, Engine, Work

SLOTS, BACKOFF, EXIT = 1, 2, -1


def _attempt(individual: ciw.Individual) -> int:
    """Attempts from 0: which one an individual is about to make, is making, or has just made."""
    return len(individual.data_records) // 2


class Arrivals(ciw.dists.Distribution):
    """The time to the next arrival; Ciw asks once more after the last."""

    def __init__(self, work: Work) -> None:
        gaps = (late - early for early, late in pairwise([0.0, *work.arrivals_s]))
        # Ciw copies its distributions deeply; of a function it keeps the one there is, and so
        # loses no time to the copying of what is looked up.
        self.next_gap = lambda: next(gaps, float("inf"))

    def sample(self, t: float | None = None, ind: ciw.Individual | None = None) -> float:  # noqa: ARG002
        """Seconds."""
        return self.next_gap()


class Lookup(ciw.dists.Distribution):
    """The time that was drawn for this individual and attempt."""

    def __init__(self, times_s: list[list[float]]) -> None:
        self.of = lambda individual: times_s[_attempt(individual)][individual.id_number - 1]

    def sample(self, t: float | None = None, ind: ciw.Individual | None = None) -> float:  # noqa: ARG002
        """Seconds."""
        return self.of(ind)


class Retry(ciw.routing.NodeRouting):
    """From the slots to the backoff after a failure that is not the last, else out."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def next_node(self, ind: ciw.Individual) -> ciw.Node:
        """Where an individual whose attempt has just ended goes."""
        attempt = _attempt(ind)
        again = attempt + 1 < self.work.attempts and self.work.fails[attempt][ind.id_number - 1]
        return self.simulation.nodes[BACKOFF if again else EXIT]


def run(work: Work) -> list[ciw.data_record.DataRecord]:
    """Build the network and run it to the end."""
    network = ciw.create_network(
        arrival_distributions=[Arrivals(work), None],
        service_distributions=[Lookup(work.service_s), Lookup(work.backoff_s)],
        number_of_servers=[work.slots, float("inf")],
        routing=ciw.routing.NetworkRouting([Retry(work), ciw.routing.Direct(SLOTS)]),
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(work.jobs, method="Complete")
    return simulation.get_all_records()


def attempts(work: Work, records: list[ciw.data_record.DataRecord]) -> list[Attempt]:  # noqa: ARG001
    """The records of the node with the slots, as attempts; a job's are in order."""
    made: Counter[int] = Counter()
    found = []
    for record in records:
        if record.node == SLOTS:
            made[record.id_number] += 1
            found.append(
                Attempt(
                    record.id_number - 1,
                    made[record.id_number],
                    record.service_start_date,
                    record.service_end_date,
                    record.destination == BACKOFF,
                )
            )
    return found


CIW = Engine("Ciw", run, attempts)
