"""The shop's work, as runners of jobs see it."""

from __future__ import annotations

from collections.abc import Sequence

from simqueue.jobs import Job, OrderPayload, PaymentPayload, follow_ups, parse_payload
from simqueue.policies import Outcome
from simqueue.shop.shop import Shop
from simqueue.workers.email import give_up_email, send_email
from simqueue.workers.order import give_up_order, process_order
from simqueue.workers.payment import give_up_payment, process_payment


class ShopWork:
    """Hands each job of the shop to its handler; see `Work` for what the methods promise."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def handle(self, job: Job, attempt: int) -> str:  # noqa: ARG002 (any attempt is alike)
        """Do a job."""
        payload = parse_payload(job)
        if isinstance(payload, OrderPayload):
            return await process_order(self._shop, payload.order_id, job)
        if isinstance(payload, PaymentPayload):
            return await process_payment(self._shop, payload.order_id, payload.amount, job)
        return await send_email(self._shop, payload.order_id, job.name)

    async def give_up(self, job: Job) -> str:
        """Do what a final failure asks for."""
        payload = parse_payload(job)
        if isinstance(payload, OrderPayload):
            return await give_up_order(self._shop, payload.order_id, job)
        if isinstance(payload, PaymentPayload):
            return await give_up_payment(self._shop, payload.order_id, job)
        return await give_up_email(self._shop, payload.order_id, job.name)

    def follow_ups(
        self,
        job: Job,
        outcome: Outcome,  # noqa: ARG002 (the word says it all)
        result: str,
    ) -> Sequence[Job]:
        """The emails that are due; none if the shop's outbox has them.

        With an outbox they were written in the transaction that moved the order's state: a worker
        that dies now cannot take them along, and a rerun of finished work adds nothing.
        """
        return [] if self._shop.store.outbox else follow_ups(job, result)
