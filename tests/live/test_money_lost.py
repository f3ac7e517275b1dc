"""Money that is lost: what the orders came to whose jobs were not done."""

import csv
from pathlib import Path
from typing import Any

import pytest
from chromium import Page
from small import shop
from test_live_page import open_page, playing

import simqueue as sq
from simqueue.data import data_path
from simqueue.live.session import Session

DAY = {"arrivals.order.window": ["2011-11-17T12:00", "2011-11-17T13:00"]}


def totals() -> dict[str, float]:
    with data_path("arrivals.csv").open(encoding="utf-8") as file:
        return {row["order_id"]: float(row["total"]) for row in csv.DictReader(file)}


def outage(**changes: Any) -> Session:
    """An hour of the busy day, of which the gateway is away for half."""
    session = Session(sq.read_scenario().replace({**DAY, **changes}))
    session.run_until(600)
    session.do("gateway", queue="payment", away=True)
    session.run_until(2400)
    session.do("gateway", queue="payment", away=False)
    session.finish()
    return session


def test_each_order_is_worth_what_was_recorded() -> None:
    session, worth = outage(**{"arrivals.order.scale": 1}), totals()
    log = session.log().frame()
    lost = log[log.outcome == "failed"]
    seen = session.state()["queues"]

    assert len(lost[lost.queue == "payment"]) > 3
    for queue in ("order", "payment"):
        ids = [flow.removeprefix("order-") for flow in lost[lost.queue == queue].flow]
        assert seen[queue]["money"] == pytest.approx(sum(worth[one] for one in ids))
    assert seen["email"]["money"] is None


def test_in_a_scaled_load_an_order_is_worth_the_mean_of_the_window() -> None:
    session = outage(**{"arrivals.order.scale": 40})
    with data_path("arrivals.csv").open(encoding="utf-8") as file:
        window = [float(row["total"]) for row in csv.DictReader(file)
                  if "2011-11-17T12:00" <= row["placed_at"] < "2011-11-17T13:00"]  # fmt: skip
    payments = session.state()["queues"]["payment"]

    assert payments["failed"] > 50
    assert payments["money"] == pytest.approx(payments["failed"] * sum(window) / len(window))


def test_a_job_that_was_sent_by_hand_is_worth_the_mean() -> None:
    session = Session(
        sq.read_scenario().replace({**DAY, "arrivals.order.scale": 1, "queues.order.attempts": 1})
    )
    mean = sum(found := list(session.model.workload.worths["order"].values())) / len(found)
    session.do("gateway", queue="order", away=True)
    session.do("send", queue="order", jobs=3)
    session.run_until(10)

    assert session.state()["queues"]["order"]["money"] == pytest.approx(3 * mean)


def test_where_a_scenario_has_no_money_there_is_none(tmp_path: Path) -> None:
    trace = tmp_path / "mine.csv"
    rows = ["placed_at,total", "2026-01-01T08:00:00,12.50", "2026-01-01T08:00:05,a lot"]
    trace.write_text("\n".join(rows))
    mine = {"duration_s": 60, "arrivals": {"order": {"trace": str(trace)}}}
    for scenario in (shop(), sq.build_scenario(mine | {"queues": {"order": {"follow_up": {}}}})):
        session = Session(scenario)
        session.run_until(10)
        assert {one["money"] for one in session.state()["queues"].values()} == {None}


@pytest.mark.slow
def test_the_page_shows_it_where_there_is_some(page: Page) -> None:
    money = (
        "[...document.querySelectorAll('.money-lost')].filter((one) => one.offsetParent)"
        ".map((one) => one.innerText.split(/\\s+/).join(' '))"
    )
    scenario = sq.read_scenario().replace({**DAY, "arrivals.order.scale": 40})
    with playing(scenario) as (player, url):
        open_page(page, url)
        page.value("view.change({do: 'gateway', queue: 'payment', away: true}), 1")
        page.value("view.send({until: 900}), 1")
        page.until("view.state.now === 900")
        lost = [player.session.state()["queues"][name]["money"] for name in ("order", "payment")]
        assert lost[1] > 0
        assert page.value(money) == [f"money lost {amount:,.0f}" for amount in lost]
    with playing(shop()) as (_, url):
        open_page(page, url)
        assert page.value(money) == []
