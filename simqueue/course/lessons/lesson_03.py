"""Lesson 03 asks whether 80 % busy is safe: utilisation and wait, and arrivals that are lumpy."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Prediction, near

PREDICTIONS = {
    "03.a": Prediction(what="growth of the mean wait from 90 to 99 % busy", unit="times"),
}

EXERCISES = {
    "03.b": Exercise(
        right=Between(88.5, 89.3),
        answer="""
            88.9 %, or 8/9.

            Twice the wait is 8 service times: `rho / (1 - rho) = 8`, so `rho = 8 / 9`. The idle
            share shrinks from 20 to 11 %, to little more than half. 11 % more traffic doubles
            the wait.
        """,
        hints=(
            Hint(
                near(160, 0.01),
                "No slot is busier than 100 %. Double the wait, not the load.",
            ),
            Hint(
                near(90, 0.003),
                "Nearly: half the idle share. But 90 % gives 9 service times. Solve it exactly.",
            ),
            Hint(
                near(8 / 9, 0.005),
                "In per cent, please: 100 times that.",
            ),
            Hint(
                near(80, 0.001),
                "That is where you start: 4 service times.",
            ),
            Hint(
                Between(81, 88),
                "Put it into rho / (1 - rho): does it give 8?",
            ),
        ),
        otherwise="The mean wait is rho / (1 - rho) service times. Set that to 8.",
    ),
    "03.c": Exercise(
        right=near(500, 0.02, time=True),
        answer="""
            500 seconds, or 8.3 minutes.

            30 orders an hour of 100 s each are 3,000 s of work in 3,600 s: the packer is 83.3 %
            busy. `(5/6) / (1/6)` is 5 service times, and a service time is 100 s.
        """,
        hints=(
            Hint(
                near(600, 0.01, time=True),
                "That is the response time: wait and packing. The wait ends when packing starts.",
            ),
            Hint(
                near(5, 0.01, time=True),
                "That is the number of service times. How long is one?",
            ),
            Hint(
                near(250, 0.01, time=True),
                "That would be so if each order took exactly 100 s.",
            ),
            Hint(
                near(83.3, 0.01, time=True),
                "That is rho times the service time. The formula divides by the idle share, too.",
            ),
            Hint(
                near(400, 0.01, time=True),
                "That is for 80 %. How many seconds of work come in an hour?",
            ),
        ),
        otherwise="Seconds of work that come in an hour, divided by 3,600, are rho. Then use the "
        "formula.",
    ),
    "03.d": Exercise(
        right=near(1.745, 0.015),
        answer="""
            1.76: better than 3.4 for all hours, and still not 1.

            `index(counts[dates.day_of_week == 3, 4].sum(axis=1))`. A timetable of weekday and hour
            explains much of the lumps. What remains is the season, and days that are busy for
            reasons of their own.
        """,
        hints=(
            Hint(
                near(2.063, 0.01),
                "That is this hour on all weekdays. Pick the Thursdays among the days.",
            ),
            Hint(
                near(3.373, 0.01),
                "That is all hours of all days. Pick one hour of the Thursdays.",
            ),
            Hint(
                near(2.625, 0.01),
                "That is all hours of the Thursdays. Hours count from 8:00: which is noon?",
            ),
            Hint(
                Between(8.2, 9.3),
                "That is of whole days. Pick the hour before you add up its minutes.",
            ),
            Hint(
                near(11.21, 0.01),
                "That is the mean. The index is the variance divided by it.",
            ),
            Hint(
                near(19.74, 0.03),
                "That is the variance. Divide it by the mean.",
            ),
            Hint(
                Between(0.95, 1.15),
                "Are those single minutes? Add up the 60 minutes of each of these hours first.",
            ),
        ),
        otherwise="`counts` has three axes: day, hour from 8:00, minute. Pick the Thursdays and "
        "the hour, add up the minutes, and take the index of the counts that remain.",
    ),
    "03.e": Exercise(
        right=near(4, 0.03, time=True),
        answer="""
            4 seconds.

            20 % of 24 hours are 4.8 hours of work. They fell into 6 hours, in which the slot was
            `4.8 / 6`, or 80 % busy. `0.8 / 0.2` is 4 service times of 1 s. Nobody came in the idle
            18 hours, so nobody enjoyed them.
        """,
        hints=(
            Hint(
                near(0.25, 0.01, time=True),
                "That takes the 20 % at its word. How busy was the slot while jobs came?",
            ),
            Hint(
                near(5, 0.01, time=True),
                "That is the response time. The wait ends when service starts.",
            ),
            Hint(
                near(0.8, 0.01, time=True),
                "That is how busy the slot was. What does the formula make of it?",
            ),
            Hint(
                near(1, 0.01, time=True),
                "The idle hours do not shorten anybody's wait: no job was there. Average over "
                "jobs, not over hours.",
            ),
        ),
        otherwise="How many hours of work were done, and in how many hours did they come?",
    ),
}
