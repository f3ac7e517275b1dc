"""Formulas against published numbers, and against each other."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simqueue.errors import SimqueueError
from simqueue.results.intervals import mean_ci95
from simqueue.results.theory import (
    NoSteadyState,
    attempts_mean,
    closed_response_mean,
    erlang_b,
    erlang_c,
    littles_law,
    md1_wait_mean,
    mg1_wait_mean,
    mmc_priority_wait_means,
    mmc_wait_ccdf,
    mmc_wait_mean,
    mmc_wait_quantile,
    mmck_blocked,
    priority_wait_means,
    retry_rate,
)

SERVERS = st.integers(1, 60)
RHO = st.floats(0.01, 0.99)


def test_gross_and_harris_eye_clinic():
    # Gross and Harris, Fundamentals of Queueing Theory, the M/M/c example of the eye clinic: six
    # patients an hour, three doctors, 20 minutes each. Lq = 8/9 and W = 13/27 h.
    wait = mmc_wait_mean(6, 1 / 3, 3)
    assert littles_law(6, wait) == pytest.approx(8 / 9)
    assert wait + 1 / 3 == pytest.approx(13 / 27)


def test_trueman_table_of_waits():
    # Trueman, An Introduction to Quantitative Methods for Decision Making, 1977, table 12.2:
    # three servers at load 0.8 wait 1.079 service times. His bank (1.2 customers a minute, 2
    # minutes each) then has 2.16 minutes of wait and 2.59 waiting, as printed (the table's rounding
    # included) in Hewlett-Packard's HP-12C Solutions Handbook.
    assert mmc_wait_mean(0.8 * 3, 1, 3) == pytest.approx(1.079, abs=5e-4)
    assert mmc_wait_mean(1.2, 2, 3) == pytest.approx(2.16, abs=5e-3)
    assert littles_law(1.2, mmc_wait_mean(1.2, 2, 3)) == pytest.approx(2.59, abs=5e-3)


def test_classes_share_the_wait_of_all():
    """Kleinrock's conservation law: load times wait, summed, is the same whoever goes first."""
    rates, means, scvs = [0.2, 0.1, 0.15], [1.0, 2.0, 1.5], [1.0, 0.0, 2.5]
    waits = priority_wait_means(rates, means, scvs)
    loads = [rate * mean for rate, mean in zip(rates, means, strict=True)]
    left = sum(r * m**2 * (1 + scv) for r, m, scv in zip(rates, means, scvs, strict=True)) / 2
    together = sum(loads)

    shared = sum(load * wait for load, wait in zip(loads, waits, strict=True))
    assert shared == pytest.approx(together * left / (1 - together))
    assert waits == sorted(waits)


@given(RHO, st.floats(0.01, 0.99), SERVERS)
def test_two_classes_of_several_servers_are_mmc_together(load, share, servers):
    rates = [share * load * servers, (1 - share) * load * servers]
    waits = mmc_priority_wait_means(rates, 1.0, servers)

    mean = share * waits[0] + (1 - share) * waits[1]
    assert mean == pytest.approx(mmc_wait_mean(load * servers, 1.0, servers))


@given(RHO)
def test_one_class_has_no_rank(load):
    assert priority_wait_means([load], [1.0], [0.5]) == pytest.approx(
        [mg1_wait_mean(load, 1.0, 0.5)]
    )
    assert mmc_priority_wait_means([3 * load], 1.0, 3) == pytest.approx(
        [mmc_wait_mean(3 * load, 1.0, 3)]
    )


def test_no_steady_state_with_classes():
    with pytest.raises(NoSteadyState):
        priority_wait_means([0.5, 0.5], [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(NoSteadyState):
        mmc_priority_wait_means([1.0, 1.0], 1.0, 2)


def test_published_erlang_b():
    # Westbay Engineers' Erlang B calculator manual: 15 lines lose 1 % at 8.108 erlangs.
    assert erlang_b(15, 8.108) == pytest.approx(0.01, abs=1e-5)
    # Wolfram, documentation of ErlangB: 25 erlangs on 30 lines lose about 5 %.
    assert erlang_b(30, 25) == pytest.approx(0.05, abs=0.005)


def test_published_erlang_c():
    # A textbook exercise: 120 customers an hour, 3 minutes each, 10 assistants; its answer is read
    # off a printed Erlang C curve, "about 0.10".
    assert erlang_c(10, 6) == pytest.approx(0.10, abs=0.005)


def test_banks_able_and_baker():
    # Banks, Carson, Nelson and Nicol, Discrete-Event System Simulation, the M/G/1 example of two
    # mechanics, two jobs an hour: Able takes 24 minutes (deviation 20), Baker 25 (deviation 2).
    able = mg1_wait_mean(1 / 30, 24, (20 / 24) ** 2)
    baker = mg1_wait_mean(1 / 30, 25, (2 / 25) ** 2)
    assert littles_law(1 / 30, able) == pytest.approx(2.711, abs=5e-4)
    assert littles_law(1 / 30, baker) == pytest.approx(2.097, abs=5e-4)


def _in_line(customers, factor, servers):
    """Mean number that waits, for a share ``factor`` of service in service and think time."""
    response = closed_response_mean(customers, 1 - factor, factor, servers)
    return customers / (1 - factor + response) * (response - factor)


@pytest.mark.parametrize(
    ("factor", "servers", "efficiency"),
    [
        *((0.012, 1, 0.999), (0.025, 1, 0.997), (0.050, 1, 0.989), (0.060, 1, 0.983)),
        *((0.070, 1, 0.977), (0.080, 1, 0.969), (0.090, 1, 0.960), (0.100, 1, 0.950)),
        *((0.060, 2, 0.999), (0.070, 2, 0.999), (0.090, 2, 0.998), (0.100, 2, 0.997)),
    ],
)
def test_finite_queuing_tables(factor, servers, efficiency):
    # Peck and Hazelwood, Finite Queuing Tables, 1958, as printed in Heizer and Render, Operations
    # Management, module D: five customers. F = 1 - Lq / N.
    assert 1 - _in_line(5, factor, servers) / 5 == pytest.approx(efficiency, abs=6e-4)


def test_heizer_and_render_printers():
    # The same book's example: five printers fail every 20 hours, a repair takes 2; with one
    # technician 4.36 print, with two 4.54 (read off the table at 0.090).
    for technicians, printing in ((1, 4.36), (2, 4.54)):
        response = closed_response_mean(5, 20, 2, technicians)
        assert 5 * 20 / (20 + response) == pytest.approx(printing, abs=0.01)


@given(st.integers(1, 30), st.floats(0.1, 50), st.integers(1, 30))
def test_closed_customers_by_mean_value_analysis(customers, think, servers):
    """With one server by Reiser and Lavenberg's recursion; with one for each, nobody waits."""
    there = 0.0
    for number in range(1, customers + 1):
        response = 1 + there
        there = number * response / (think + response)
    assert closed_response_mean(customers, think, 1.0, 1) == pytest.approx(response)
    if servers >= customers:
        assert closed_response_mean(customers, think, 1.0, servers) == pytest.approx(1.0)


def test_very_many_customers_are_open_traffic():
    """Requests that bring 0.8 of what two servers can do, from customers who hardly ever come."""
    response = closed_response_mean(20_000, 20_000 / 1.6, 1.0, 2)
    assert response == pytest.approx(mmc_wait_mean(1.6, 1.0, 2) + 1, rel=0.01)


def test_no_closed_customers_no_servers_no_time():
    for wrong in ((0, 1.0, 1.0, 1), (1, 0.0, 1.0, 1), (1, 1.0, -1.0, 1), (1, 1.0, 1.0, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            closed_response_mean(*wrong)


def test_small_cases_by_hand():
    assert erlang_b(0, 3) == 1
    assert erlang_b(1, 3) == 3 / 4
    assert erlang_b(3, 0) == 0
    # (a^c / c!) / sum of a^k / k! with a = 2, c = 3: (8/6) / (1 + 2 + 2 + 8/6) = 4/19
    assert erlang_b(3, 2) == pytest.approx(4 / 19)
    assert md1_wait_mean(0.5, 1) == pytest.approx(0.5)
    assert mmc_wait_quantile(0.5, 0.4, 1, 1) == 0.0
    assert mmc_wait_ccdf(1.0, 0.0, 0.0, 1) == 0.0


@given(rho=RHO, mean=st.floats(0.01, 100))
def test_one_server_is_the_mm1_queue(rho, mean):
    rate = rho / mean
    assert erlang_c(1, rho) == pytest.approx(rho)
    assert mmc_wait_mean(rate, mean, 1) == pytest.approx(rho * mean / (1 - rho))
    assert mmc_wait_mean(rate, mean, 1) == pytest.approx(mg1_wait_mean(rate, mean, 1.0))
    assert md1_wait_mean(rate, mean) == pytest.approx(mmc_wait_mean(rate, mean, 1) / 2)


@given(servers=SERVERS, rho=RHO)
def test_b_and_c_are_one_another(servers, rho):
    load = servers * rho
    b, c = erlang_b(servers, load), erlang_c(servers, load)
    assert 0 <= b <= c <= 1
    # Published relation the other way round: 1/C = 1/B - (1/B with one server fewer).
    assume(b > 1e-200)
    assert 1 / c == pytest.approx(1 / b - 1 / erlang_b(servers - 1, load), rel=1e-6)


@given(servers=st.integers(1, 20), rho=RHO)
def test_against_the_sums_of_the_textbook(servers, rho):
    load = servers * rho
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]
    assert erlang_b(servers, load) == pytest.approx(terms[-1] / sum(terms))
    top = terms[-1] / (1 - rho)
    assert erlang_c(servers, load) == pytest.approx(top / (sum(terms[:-1]) + top))


@given(servers=st.integers(1, 20), waiting=st.integers(0, 30), rho=st.floats(0.01, 3))
def test_a_full_line_against_the_sum_over_its_states(servers, waiting, rho):
    """Birth and death: at rate lambda up, at min(n, c) mu down."""
    states = [1.0]
    for n in range(1, servers + waiting + 1):
        states.append(states[-1] * servers * rho / min(n, servers))
    blocked = mmck_blocked(servers, waiting, servers * rho)
    assert blocked == pytest.approx(states[-1] / sum(states))
    assert mmck_blocked(servers, 0, servers * rho) == erlang_b(servers, servers * rho)


@given(servers=SERVERS, rho=st.floats(0.01, 0.9))
def test_more_servers_wait_less_and_more_load_waits_more(servers, rho):
    load = servers * rho
    assert erlang_c(servers + 1, load) < erlang_c(servers, load)
    assert erlang_c(servers, load * 1.05) > erlang_c(servers, load)


@given(servers=SERVERS, rho=RHO, q=st.floats(0, 0.999))
def test_quantiles_are_where_the_tail_is(servers, rho, q):
    rate = servers * rho / 2.0
    t = mmc_wait_quantile(q, rate, 2.0, servers)
    tail = mmc_wait_ccdf(t, rate, 2.0, servers)
    assert tail == pytest.approx(1 - q) if t else tail <= 1 - q + 1e-12


def test_ten_thousand_servers():
    assert 0 < erlang_c(10_000, 9_900) < 1
    assert erlang_c(10_000, 1) == 0.0


@given(p=st.floats(0, 1), n=st.integers(1, 1000))
def test_attempts_are_the_sum_of_their_probabilities(p, n):
    assert attempts_mean(p, n) == pytest.approx(math.fsum(p**k for k in range(n)), rel=1e-9)
    assert retry_rate(2.0, p, n) == 2.0 * attempts_mean(p, n)


@pytest.mark.parametrize(
    "call",
    [
        lambda: erlang_c(3, 3.0),
        lambda: mmc_wait_mean(5, 1, 4),
        lambda: mmc_wait_ccdf(1, 5, 1, 5),
        lambda: mmc_wait_quantile(0.5, 6, 1, 5),
        lambda: mg1_wait_mean(1, 1, 1),
        lambda: md1_wait_mean(2, 1),
    ],
)
def test_a_load_of_one_or_more_has_no_steady_state(call):
    with pytest.raises(NoSteadyState, match=r"no steady state: the load is [12]"):
        call()
    assert issubclass(NoSteadyState, SimqueueError)


@pytest.mark.parametrize(
    "call",
    [
        lambda: erlang_b(-1, 1),
        lambda: erlang_b(1, -1),
        lambda: erlang_b(1, math.nan),
        lambda: erlang_c(0, 0),
        lambda: mmck_blocked(0, 1, 1),
        lambda: mmck_blocked(1, -1, 1),
        lambda: mmck_blocked(1, 1, -1),
        lambda: mg1_wait_mean(-1, 1, 1),
        lambda: mmc_wait_quantile(1, 1, 1, 2),
        lambda: attempts_mean(1.1, 1),
        lambda: attempts_mean(0.5, 0),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError, match=r"must be|out of range"):
        call()


def test_intervals():
    # Student's table: t(0.975) = 12.706 with 1 degree of freedom, 2.262 with 9. These values are
    # not skewed, so that nothing is corrected.
    assert mean_ci95([]) == (None, None)
    assert mean_ci95([None, 2.0]) == (2.0, None)
    mean, interval = mean_ci95([-1.0, 1.0])
    assert mean == 0.0
    assert interval == pytest.approx((-12.706, 12.706), abs=1e-3)
    values = [n - 4.5 for n in range(10)]
    half = 2.262 * math.sqrt(82.5 / 9) / math.sqrt(10)
    assert mean_ci95(values)[1] == pytest.approx((-half, half), abs=1e-3)
