"""What people read of a comparison: the report in a terminal and the table in the docs."""

import io

import pytest
from hand import NAN, QUEUES, hand_log, row
from rich.console import Console
from two_sides import attempt, crashing, scenario, steady

from simqueue.results.comparison.compare import Comparison, compare
from simqueue.results.comparison.table import comparison_markdown, comparison_report


def text_of(comparison: Comparison, width: int = 90, **more: object) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(comparison_report(comparison, "by hand", **more))
    return out.getvalue()


def words_of(comparison: Comparison, **more: object) -> str:
    return " ".join(text_of(comparison, **more).split())


def test_figures_stand_side_by_side():
    text = words_of(compare(steady(100), steady(100, service_s=1.01), scenario()))
    assert text.startswith("by hand")
    assert "order queue real model difference error" in text
    assert "jobs 100 100 0 0 %" in text
    assert "response, mean 1.5 s 1.51 s +10 ms +0.67 % within 2 %" in text
    assert "wait, mean 500 ms 500 ms 0 0 %" in text
    assert "utilisation 50.0 % 50.5 % +0.5 points +1.00 %" in text
    assert "The payment queue had no jobs. The email queue had no jobs." in text
    assert "Job by job, outcome, attempts and runs of all 100 are equal." in text
    assert "Out of tolerance" not in text
    assert "Theory" not in text


def test_the_last_sentence_states_the_finding():
    compared = compare(steady(100), steady(100, service_s=1.01), scenario())
    assert text_of(compared).endswith(
        "The model's mean response is within 0.7 % of the real queue's, its p99 within 0.7 %.\n"
    )


def test_what_is_out_of_tolerance_is_marked_by_a_word():
    compared = compare(steady(100), steady(100, service_s=1.1), scenario())
    text = words_of(compared)
    assert "response, mean 1.5 s 1.6 s +100 ms +6.67 % BEYOND 2 %" in text
    assert "Out of tolerance: order: response.p99 is 1.6 s in the model" in text
    text = words_of(compared, tolerances={"response.mean": 0.07})
    assert "+6.67 % within 7 %" in text
    assert "BEYOND" not in text


def test_a_p99_that_is_not_judged_says_so():
    text = words_of(compare(steady(50), steady(50), scenario()))
    assert "response, p99 1.5 s 1.5 s 0 0 % not judged" in text
    assert "The order queue has 50 jobs, too few to judge its p99: that takes 100." in text
    assert text.endswith("The model's mean response is within 0 % of the real queue's.")


def test_theory_has_a_line_where_a_formula_holds():
    service = {"distribution": "exponential", "mean_s": 1.0}
    of = scenario(queues={"order": {"service": service}, "email": {}})
    # Half a job a second on two slots: an M/M/2 at load 1/4 waits for 1/15 s.
    text = words_of(compare(steady(100), steady(100, wait_s=0.05), of))
    assert (
        "Theory (M/M/2): a mean wait of 66.7 ms in steady state; the real run +650 %, the model "
        "-25.0 %." in text
    )


def test_ten_jobs_that_differ_are_listed():
    real = hand_log(*(attempt(n, 5.0) for n in range(13)))
    model = hand_log(*(attempt(n, 5.0, outcome="failed") for n in range(12)))
    text = words_of(compare(real, model, scenario()))
    assert "job that differs real model reason" in text
    assert "job-0 completed, 1 attempt failed, 1 attempt unexplained" in text
    assert "job-9" in text
    assert "job-10" not in text
    assert "and 3 more" in text
    assert "13 jobs of 13 fared differently: 12 unexplained, 1 only in the real run." in text


def with_a_kill() -> tuple[Comparison, Comparison]:
    """The kill catches the same job on both sides, or different ones."""

    def log(job: int, again: float) -> list[dict]:
        return [
            row(job=job, times=(9.5, 9.5, 9.5, 40.0), outcome="stalled"),
            row(job=job, times=(9.5, 40.0, again, again + 1), run=2),
        ]

    real, other = hand_log(*log(1, 41.0)), attempt(1, 9.5, worker=1)
    same = compare(real, hand_log(*log(1, 40.5)), crashing(10.0))
    return same, compare(real, hand_log(*log(2, 40.2), other), crashing(10.0))


def test_a_kill_has_a_line():
    same, others = (words_of(comparison) for comparison in with_a_kill())
    assert (
        "Kill at 10 s: in the real run 1 job started again after 31 s, in the model 1 job started "
        "again after 30.5 s; at most 500 ms apart." in same
    )
    assert "in the model 1 job started again after 30.2 s; at most 800 ms apart." in others
    lost = hand_log(row(job=1, times=(9.5, 9.5, 9.5, 40.0), outcome="stalled"))
    text = words_of(compare(lost, lost, crashing(10.0)))
    assert "in the real run no job was started again, in the model no job was started" in text
    assert "apart" not in text


def test_a_kill_that_caught_several_jobs_says_from_when_to_when():
    rows = []
    for job, again in ((1, 41.0), (2, 45.0)):
        rows.append(row(job=job, times=(9.5, 9.5, 9.5, 40.0), outcome="stalled"))
        rows.append(row(job=job, times=(9.5, 40.0, again, again + 1), run=2))
    log = hand_log(*rows)
    text = words_of(compare(log, log, crashing(10.0)))
    assert "in the real run 2 jobs started again after 31 s to 35 s" in text
    assert "at most 0 s apart." in text


@pytest.mark.parametrize("jobs", [1, 1000])
def test_the_report_fits_in_ninety_columns_and_is_plain_text_in_a_pipe(jobs):
    name = "a-queue-with-a-name-of-forty-characters--"
    rows = [row(job=n, queue=name, times=(0, 0, n * 7.1, n * 7.9 + 1)) for n in range(jobs)]
    late = [found | {"times": (0, 0, *(9.3 * t + 1 for t in found["times"][2:]))} for found in rows]
    late[0]["outcome"] = "failed"
    of = scenario(arrivals={name: {"rate_per_s": 1}}, queues={name: {}})
    text = text_of(compare(*(hand_log(*r, queues=(name,)) for r in (rows, late)), of))
    assert max(map(len, text.splitlines())) <= 90
    assert "…" not in text
    assert "\x1b" not in text


def test_nothing_to_compare_is_said():
    text = words_of(compare(hand_log(), hand_log(), scenario()))
    assert text.endswith("There is no response time to compare.")
    text = words_of(compare(steady(3), hand_log(), scenario()))
    assert "response, mean 1.5 s – – – BEYOND 2 %" in text
    assert text.endswith("In the order queue only one side has response times: nothing to compare.")
    unfinished = hand_log(row(job=1, times=(0, 0, 1, NAN), outcome=""))
    assert "job-1 unfinished, 1 attempt not there" in words_of(
        compare(unfinished, hand_log(), scenario())
    )


def test_names_are_not_markup():
    of = scenario(name="[bold]")
    log = hand_log(attempt(1, 5.0, queue="[red]"), queues=("[red]", *QUEUES))
    assert "[red] queue" in words_of(compare(log, log, of))
    assert "[bold]" in comparison_markdown([compare(log, log, of)])


def test_the_docs_table_has_a_row_for_each_scenario():
    slow = compare(steady(100), steady(100, service_s=1.01), scenario(name="a|b"))
    same, _ = with_a_kill()
    lines = comparison_markdown([slow, same]).splitlines()
    assert lines[0] == (
        "| scenario | jobs | jobs that differ | mean response | p99 response | utilisation "
        "| kill recovery |"
    )
    assert lines[2] == "| a\\|b | 100 | none | +0.67 % | +0.67 % | +1.00 % | – |"
    assert lines[3].startswith("| by hand | 1 | none | -1.54 % | – |")
    assert lines[3].endswith("| 500 ms apart |")
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_the_docs_table_says_why_jobs_differ():
    queues = {"order": {"outages": [[10, 20]]}, "email": {}}
    real = hand_log(attempt(1, 10.0), attempt(2, 5.0), attempt(3, 19.999))
    model = hand_log(*(attempt(n, 5.0, outcome="failed") for n in (1, 2, 3)))
    (row,) = comparison_markdown([compare(real, model, scenario(queues=queues))]).splitlines()[2:]
    assert "| 2 outage's edge, 1 unexplained |" in row
