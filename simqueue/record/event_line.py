"""The line of JSON that is written of a worker's event: twice for each job, so it is made fast."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as _quoted
from typing import Any


def line_of(event: Any) -> bytes:
    """An object of JSON with what is not empty of an `Event`, whose module imports this one."""
    (
        kind, at, queue, job_id, attempt, worker, slot,
        name, flow, parent_id, enqueued, outcome, result, due,
    ) = event  # fmt: skip
    # Of a subclass, such as numpy's, `repr` says more than the number.
    if not (
        type(at) is type(enqueued) is float
        and type(attempt) is type(slot) is int
        and (due is None or type(due) is float)
        and kind
        and queue
        and job_id
    ):
        return _any_line_of(event)
    # To ask each field what it is takes twice as long.
    line = f'{{"kind":{_quoted(kind)},"at":{at!r},"queue":{_quoted(queue)}'
    line += f',"job_id":{_quoted(job_id)},"attempt":{attempt!r}'
    if worker:
        line += f',"worker":{_quoted(worker)}'
    line += f',"slot":{slot!r}'
    if name:
        line += f',"name":{_quoted(name)}'
    if flow:
        line += f',"flow":{_quoted(flow)}'
    if parent_id:
        line += f',"parent_id":{_quoted(parent_id)}'
    line += f',"enqueued":{enqueued!r}'
    if outcome:
        line += f',"outcome":{_quoted(outcome)}'
    if result:
        line += f',"result":{_quoted(result)}'
    if due is not None:
        line += f',"due":{due!r}'
    return f"{line}}}\n".encode()


def _any_line_of(event: Any) -> bytes:
    """The same line of an event whose fields may be any text or number."""
    known = [
        f'"{name}":'
        + (
            _quoted(value)
            if isinstance(value, str)
            else float.__repr__(value)
            if isinstance(value, float)
            else int.__repr__(value)
        )
        for name, value in zip(event._fields, event, strict=True)
        if value is not None and value != ""
    ]
    return f"{{{','.join(known)}}}\n".encode()
