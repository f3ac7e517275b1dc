"""Notes for teachers, a few sentences for each lesson; the students' edition has none of them."""

from __future__ import annotations

#: By lesson: what to ask before the surprise, where learners stumble, what to do if time is short.
NOTES = {
    "00": (
        "Have everybody say aloud who waits in each of the three modes, before the first run. "
        "Many expect the queue to be faster: it is not, at equal places. Short of time: leave "
        "out what JSON cannot hold."
    ),
    "01": (
        "Draw the tries on a line on the board: the gaps are the waits. Nearly everybody counts "
        "one wait too many. The comparison of libraries can be read at home."
    ),
    "02": (
        "Let the class count itself: how many come in a minute, how long they stay, how many "
        "are in the room. The trap to wait for: planning with the median while a few calls "
        "hang."
    ),
    "03": (
        "Collect guesses for 99 % busy in public; most are too low by a factor of five. Insist "
        "on the difference between wait and response: half of the wrong answers are about it."
    ),
    "04": (
        "Ask who has raised a concurrency setting and seen nothing happen. The two results pull "
        "in different directions: pool the slots for io, count event loops for cpu."
    ),
    "05": (
        "Ask for the one number that a salesman should be asked for, beside the mean. The "
        "square in cv² is forgotten again and again."
    ),
    "06": (
        "Learners take retries for free, since the failures are few. Let them say how busy the "
        "slots are with retries, before they look at the wait."
    ),
    "07": (
        "Ask what a dashboard of the queue shows during the herd: nothing. Then look at the "
        "calls that reach the service behind."
    ),
    "08": (
        "Have the class explain why it does not end when the outage does. Whoever says "
        '"backlog" has half of it: the loop is that each customer asks twice.'
    ),
    "09": (
        "Split the class: one half designs a handler, the other kills it between two "
        "statements. Exercise e is the heart of the lesson; give it time."
    ),
    "10": (
        "Show the falling mean first, and ask whether things get better. The word to reach is "
        "*survivors*."
    ),
    "11": (
        'Start with: who of you would sign for "8 workers"? While the long cell runs, ask what '
        "the answer would have to rest on."
    ),
    "12": (
        "Ask for a way to lie with a validation, and collect them: other draws, other places, "
        "means only. Each has a cell in the lesson."
    ),
    "13": (
        'Vote: who pays for a VIP\'s speed? "Nobody" usually wins. Short of time: leave out own '
        "places for VIPs."
    ),
    "14": (
        "Let a group argue for each of the three cures before anything is run. The numbers that "
        "decide are start-up time and length of the burst."
    ),
    "15": (
        "Ask which load test tool the class uses, and whether it is closed. Most do not know, "
        "which is the point."
    ),
    "16": (
        "Ask who knows how many jobs a second their own queues start, and how many slots they "
        "have: hardly anybody does. Let the class vote on four worker processes for twice the "
        "traffic before `plan` is asked."
    ),
    "capstone": (
        "In groups of two or three, 90 minutes, or as homework. Have them hand in the list of "
        "settings, and a sentence for each: which cause does it cure? `grade` marks the lists."
    ),
}
