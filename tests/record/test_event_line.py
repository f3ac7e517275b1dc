import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simqueue.record.event_line import line_of
from simqueue.record.worker_events import Event

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
TIME = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2**40)
PLACE = st.integers(-1, 2**31)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["start", "end", "stalled"]),
    at=TIME,
    queue=TEXT,
    job_id=TEXT,
    attempt=PLACE,
    worker=TEXT,
    slot=PLACE,
    name=TEXT,
    flow=TEXT,
    parent_id=TEXT,
    enqueued=TIME,
    outcome=TEXT,
    result=TEXT,
    due=st.none() | TIME,
)


def as_json_writes(event: Event) -> bytes:
    known = {
        key: value
        for key, value in event._asdict().items()
        if value is not None and not (isinstance(value, str) and value == "")
    }
    return json.dumps(known, separators=(",", ":")).encode() + b"\n"


@given(EVENTS)
def test_a_line_is_what_json_writes_of_what_is_not_empty(event: Event) -> None:
    assert line_of(event) == as_json_writes(event)


def test_the_line_of_a_start_byte_by_byte() -> None:
    event = Event("start", 12.5, "order", 'o"\né', 1, "w", 0, name="order", enqueued=0.1)
    assert line_of(event) == (
        rb'{"kind":"start","at":12.5,"queue":"order","job_id":"o\"\n\u00e9","attempt":1,'
        rb'"worker":"w","slot":0,"name":"order","enqueued":0.1}' + b"\n"
    )


@pytest.mark.parametrize(
    "other",
    [{"at": np.float64(1.5)}, {"enqueued": np.float64(1.5)}, {"due": np.float64(1.5)}],
)
def test_a_number_of_numpys_is_written_as_the_number(other: dict[str, Any]) -> None:
    event = Event("end", 0.5, "order", "o", 1, "w", 0, outcome="completed", due=2.5)
    assert line_of(event._replace(**other)) == as_json_writes(event._replace(**other))
    assert b"float64" not in line_of(event._replace(**other))
