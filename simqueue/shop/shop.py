"""The shop: its records, its payment gateway, its mail, and its clock."""

from __future__ import annotations

from dataclasses import dataclass

from simqueue.clock import Clock
from simqueue.settings import Settings, revealed
from simqueue.shop.catalogue import made_up_stock, read_catalogue
from simqueue.shop.database import Database, open_database
from simqueue.shop.gateway import Conditions, SimulatedGateway
from simqueue.shop.mailer import Mailer, open_mailer
from simqueue.shop.outbox import Outbox
from simqueue.shop.store import Store


@dataclass(frozen=True)
class Shop:
    """Everything that a job of the shop touches; use it as a context manager, or `close` it.

    Attributes
    ----------
    database
        The connection to its records.
    store
        The records: products, stock, orders, emails that were sent.
    gateway
        The simulated payment gateway.
    mailer
        How emails leave.
    clock
        The gateway's time, and the dates of emails.
    """

    database: Database
    store: Store
    gateway: SimulatedGateway
    mailer: Mailer
    clock: Clock

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_shop(
    settings: Settings,
    clock: Clock,
    *,
    seed: int = 1,
    conditions: Conditions | None = None,
    outbox: bool = False,
) -> Shop:
    """Open the shop; the first time, make its tables and load its catalogue.

    Parameters
    ----------
    settings
        Tells the database (``DATABASE_URL``) and the mail server (``SMTP_URL``).
    clock
        The gateway's latency and outages, and the dates of emails.
    seed
        The gateway's draws. The stock does not depend on it.
    conditions
        How well the gateway works.
    outbox
        Whether its jobs go to a queue: then each is written down in the transaction that asks
        for it, and a relay carries it over.

    Raises
    ------
    InputError
        If the database cannot be used, or the mail server's URL is none.
    """
    mailer = open_mailer(revealed(settings.smtp_url))
    database = open_database(settings.database_url.get_secret_value())
    shop = Shop(
        database=database,
        store=Store(database, Outbox(database, clock) if outbox else None),
        gateway=SimulatedGateway(database, clock, seed, conditions),
        mailer=mailer,
        clock=clock,
    )
    catalogue = read_catalogue()
    try:
        shop.store.prepare(catalogue, made_up_stock(catalogue))
        shop.gateway.prepare()
    except BaseException:
        shop.close()
        raise
    return shop
