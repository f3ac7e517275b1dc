"""What several tables of a scenario hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from simqueue.jobs import queue_name
from simqueue.policies import Finite

Probability = Annotated[Finite, Field(ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
QueueName = Annotated[str, AfterValidator(queue_name)]
