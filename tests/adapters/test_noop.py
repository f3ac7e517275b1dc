"""No-op mode has a contract of its own, a small one: every job is taken and nothing is done."""

import asyncio

from small_shop import an_order, small_shop

from simqueue.adapters import NoOpAdapter, Recorder, open_adapter
from simqueue.jobs import order_job
from simqueue.settings import Settings
from simqueue.workers.shop_work import ShopWork


def test_jobs_are_ignored() -> None:
    with small_shop() as shop:
        shop.store.place(an_order("1"))
        recorder = Recorder("none")
        adapter = open_adapter(Settings(worker_mode="none"), ShopWork(shop), shop.clock, recorder)

        asyncio.run(adapter.add(order_job("1")))
        asyncio.run(adapter.close())

        assert isinstance(adapter, NoOpAdapter)
        assert shop.store.state("1") == ("pending", "pending")
        assert len(recorder.log()) == 0
