"""The books of a shop under fire, beside the database: its emails and its attempt log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

from mail_server import MailServer

from simqueue.record.reading import read_log


def same(what: str, found: Any, due: Any) -> None:
    """Prove that two are the same; or else say how they differ, if they are sets."""
    if found == due:
        return
    if isinstance(found, Set):
        raise AssertionError(f"{what}: {set(found - due)} too many, {set(due - found)} too few")
    raise AssertionError(f"{what}: {found}, due are {due}")


def message_id(text: str) -> str:
    """The Message-ID of an email."""
    return str(message_from_string(text)["Message-ID"])


def check_mail(
    server: MailServer, emails: Sequence[tuple[str, str]], excused: Counter[str]
) -> None:
    """Prove that each email came, to one address, and again only where nobody could know.

    That is when its answer was lost, or its sender was killed before it put the email on record.
    """
    taken = Counter(map(message_id, server.taken))
    excuses = Counter(map(message_id, server.lost)) + excused
    due = {f"<{order}-{kind}@simqueue.example>" for order, kind in emails}
    same("emails taken", taken.keys(), due)
    repeated = {
        name: (times, excuses[name]) for name, times in taken.items() if times > excuses[name] + 1
    }
    assert not repeated, f"(sent, excuses): {repeated}"
    for text in server.taken:
        (address,) = message_from_string(text, policy=default)["To"].addresses
        assert address.domain == "customers.simqueue.example"


def check_log(log: Path) -> int:
    """Prove that a torn line of the attempt log cost itself, and nothing else; how many there are.

    A worker that was killed may have torn one too.
    """
    lines = [
        line
        for file in log.with_name(f"{log.name}.events").iterdir()
        for line in file.read_bytes().splitlines()
    ]
    assert not [line for line in lines if line.count(b'{"kind"') > 1], "lines are glued"
    torn = [line for line in lines if line and not line.endswith(b"}")]
    starts = sum(line.startswith(b'{"kind":"start"') and line not in torn for line in lines)
    found = (read_log(log).frame()["started_s"].notna()).sum()
    assert found == starts, f"the attempt log has {found} starts of {starts}"
    return len(torn)
