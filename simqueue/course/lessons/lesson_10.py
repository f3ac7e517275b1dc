"""Lesson 10 asks what dashboards do not say."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "10.a": Prediction(what="mean time of a completed job during the outage", time=True),
}

EXERCISES = {
    "10.b": Exercise(
        right=near(100 / 3.1, 0.1, time=True),
        answer="""
            32 seconds: `100 / 3.1`.

            Little's law once more: 100 jobs are kept, 3.1 come and go each second, so each stays
            for `100 / 3.1` seconds. An order of some minutes ago has long been removed. Keep jobs
            by age as well as by number, or write an attempt log.
        """,
        hints=(
            Hint(
                near(50 / 3.1, 0.1, time=True),
                "50 is what is kept of the failed jobs. This one completed.",
            ),
            Hint(
                near(100 * 3.1, 0.1, time=True),
                "Jobs times jobs a second is no time. How long until 100 newer ones have come?",
            ),
            Hint(
                near(3.1 / 100, 0.1, time=True),
                "That is upside down: jobs a second over jobs. How long until 100 newer ones "
                "have come?",
            ),
            Hint(
                near(100, 0.01, time=True),
                "100 is a number of jobs. At 3.1 jobs a second, how long does it last?",
            ),
        ),
        otherwise="A job is removed when 100 newer ones have completed. How long does that take "
        "at 3.1 a second?",
    ),
    "10.c": Exercise(
        right=near(0.706, 0.005, time=True),
        answer="""
            0.706 s: `0.7 * 1 + 0.3 * 0.02`.

            The mean fell by 29 % because something broke. A failure that is fast makes a mean over
            all attempts look better. Plot the share of attempts that fail beside it, and the time
            of those that completed on its own.
        """,
        hints=(
            Hint(
                near(1.0, 0.004, time=True),
                "That is the mean of those that complete. This metric measures every attempt, "
                "the failed ones too.",
            ),
            Hint(
                near(0.51, 0.02, time=True),
                "That gives both kinds the same weight. There are 70 of one and 30 of the other.",
            ),
            Hint(
                Between(0.695, 0.7, time=True),
                "Nearly. The refused attempts are short, but not of no length at all: 20 ms.",
            ),
            Hint(
                near(0.3 * 1 + 0.7 * 0.02, 0.02, time=True),
                "The weights are the wrong way round: 30 % are refused.",
            ),
            Hint(
                Between(1.005, 1.009, time=True),
                "Those that are refused do not take their second as well: only 70 % take it.",
            ),
            Hint(
                Between(1.01, 10, time=True),
                "More than 1 s? No attempt takes longer than that. The refused ones are shorter.",
            ),
        ),
        otherwise="Weigh the two times by how many attempts have them: 70 % take 1 s, 30 % take "
        "0.02 s.",
    ),
    "10.d": Exercise(
        right=Letters("ace", among="abcde"),
        answer="""
            a, c and e.

            Counts are added (a, c): the share within 60 s of both is the sum of one over the sum
            of the other. The oldest of all is the older of the two (e): a maximum of maxima is
            exact.

            A p95 cannot be put together (b): it says nothing about the other jobs. The mean of
            means (d) needs the number of jobs on each as weights. Prometheus therefore exports a
            sum and a count, and never a mean.
        """,
        hints=(
            Hint(
                Letters("acde", among="abcde"),
                "For means one thing is missing: one worker did 10 jobs, the other 10,000...",
            ),
            Hint(
                Letters("acd", among="abcde"),
                "Means need weights, and you have none. And look at e again: who is the oldest of "
                "both queues?",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "Counts, yes. One more can be put together, though not by adding: who is the "
                "oldest of both queues?",
            ),
            Hint(
                Letters("ae", among="abcde"),
                "Look at c again: those are two counts. What can one do with counts?",
            ),
            Hint(
                Letters("a", among="abcde"),
                "There is more: what is c made of, and who is the oldest of both queues?",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "Not all. Try it for b: one worker had 1 job of 100 s, the other 99 jobs of 1 s.",
            ),
            Hint(
                Letters("abce", among="abcde"),
                "Try it for b: one worker had 1 job of 100 s, the other 99 jobs of 1 s. What is "
                "the p95 of all 100, and what do the two p95s say?",
            ),
        ),
        otherwise="Make up two workers with very different numbers of jobs, and see for which "
        "letters the two numbers are enough.",
    ),
    "10.e": Exercise(
        right=near(25, 0.03, time=True),
        answer="""
            25 s.

            Half of the customers come during a freeze. They wait between 100 s and nothing, 50 s on
            average. The other half wait nothing: `0.5 * 50 + 0.5 * 0` is 25 s.

            The probe sends 10,000 requests in the good 100 s, and then one that takes 100 s:
            `100 / 10_001` is 10 ms. It is wrong by a factor of 2,500, and its p99 says that nobody
            waits at all.
        """,
        hints=(
            Hint(
                near(50, 0.03, time=True),
                "That is the mean of those who come during a freeze. Half of the customers do not.",
            ),
            Hint(
                near(100, 0.03, time=True),
                "Only who comes as the freeze begins waits that long.",
            ),
            Hint(
                near(0.010, 0.05, time=True),
                "That is what the waiting probe says. It sends one request into the freeze, but "
                "how many customers come then?",
            ),
        ),
        otherwise="Which share of the customers comes during a freeze, and how long do those wait "
        "on average?",
    ),
}
