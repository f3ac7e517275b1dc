"""The environment variables of the shop, read and checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from simqueue.checked import first_problem
from simqueue.errors import InputError
from simqueue.policies import DEFAULT_CONCURRENCY
from simqueue.safe_text import said

WorkerMode = Literal["in-process", "bull-queue", "none"]
WorkerType = Literal["email", "order", "payment", "all"]

_SCHEMES = {
    "queue_redis_url": ("redis://", "rediss://", "unix://", "embedded://"),
    "smtp_url": ("smtp://", "smtps://"),
}


class Settings(BaseSettings):
    """What the environment says about the shop.

    URLs may carry passwords, so they are secrets: printing them shows asterisks.

    Attributes
    ----------
    worker_mode
        ``WORKER_MODE``: how a job reaches its handler.
    worker_type
        ``WORKER_TYPE``: whose jobs the ``worker`` command does.
    worker_concurrency
        ``WORKER_CONCURRENCY``: concurrent jobs per worker and queue.
    queue_redis_url
        ``QUEUE_REDIS_URL``: where BullMQ keeps its queues.
    database_url
        ``DATABASE_URL``: the shop's database, in SQLAlchemy's form.
    smtp_url
        ``SMTP_URL``: the mail server; without it emails become files.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    worker_mode: WorkerMode = "in-process"
    worker_type: WorkerType = "all"
    worker_concurrency: Annotated[int, Field(ge=1, le=10_000)] = DEFAULT_CONCURRENCY
    queue_redis_url: SecretStr | None = None
    database_url: SecretStr = SecretStr("sqlite:///shop.db")
    smtp_url: SecretStr | None = None

    @property
    def embedded(self) -> bool:
        """Whether the queues are to live in this process."""
        return (revealed(self.queue_redis_url) or "").startswith("embedded://")

    @field_validator("queue_redis_url", "smtp_url")
    @classmethod
    def _known_scheme(cls, value: SecretStr | None, info: object) -> SecretStr | None:
        schemes = _SCHEMES[info.field_name]  # type: ignore[attr-defined]
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError(f"the URL should start with {' or '.join(schemes)}")
        return value


def read_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    InputError
        If a variable holds what it cannot hold: the text names it and what was expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        problem = first_problem(error)
        name = problem.path[0].upper()
        # A URL may hold a password.
        shown = "" if name.endswith("_URL") else f"={said(problem.value, 100)}"
        raise InputError(f"environment variable {name}{shown}: {problem.expected}") from None


def revealed(secret: SecretStr | None) -> str | None:
    """What a secret hides, for whoever has to connect with it."""
    return None if secret is None else secret.get_secret_value()
