"""The view in a notebook: buttons for who can press them, and words for everybody else."""

import sys
from typing import Any

import pytest
from small import differing, shop

import simqueue as sq
from simqueue.live import widget
from simqueue.live.session import Session
from simqueue.live.widget import View

_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "attended", lambda: True)


def shown(view: View) -> dict[str, Any]:
    return view._repr_mimebundle_()[0]


def test_where_nobody_sits_words_stand_in_its_place() -> None:
    """Nothing in them differs from one run to the next: a stored notebook has them."""
    first, second = shown(sq.play(shop(name="a <small> shop"))), shown(sq.play(shop()))

    assert first.keys() == {"text/html", "text/plain"}
    assert "a live view of a <small> shop (order, payment, email):" in first["text/plain"]
    assert "a &lt;small&gt; shop" in first["text/html"]
    assert shown(sq.play(shop())) == second


@pytest.mark.usefixtures("somebody")
def test_who_sits_there_gets_buttons_and_a_page_without_them_the_words() -> None:
    bundle = shown(sq.play(shop()))

    assert bundle[_VIEW]["model_id"]
    assert bundle["text/plain"].startswith("Run in JupyterLab, this cell is a live view")


@pytest.mark.usefixtures("somebody")
def test_without_its_package_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.setattr(widget, "find_spec", lambda _: None)
    view = sq.play(shop())
    bundle = shown(view)

    assert _VIEW not in bundle
    assert '-m pip install ".[course]"' in bundle["text/plain"]
    view.session.run_until(3)  # the same from code needs no package
    assert view.session.now == 3


def test_its_messages_drive_the_session() -> None:
    view, by_hand = sq.play(shop()), Session(shop())
    sent: list[dict[str, Any]] = []

    class Front:
        def send(self, message: dict[str, Any]) -> None:
            sent.append(message)

    changes = [
        (2.0, {"do": "send", "queue": "order", "jobs": 5}),
        (4.0, {"do": "kill", "worker": 0}),
        (6.5, {"do": "start", "worker": 0}),
    ]
    for number, (moment, change) in enumerate(changes):
        for command in ({"until": moment}, {"change": change}):
            view._asked(Front(), {"number": number, "command": command}, [])
        by_hand.run_until(moment)
        by_hand.do(**{("what" if key == "do" else key): value for key, value in change.items()})
    view._asked(Front(), {"number": 9, "command": {"until": 30.0}}, [])
    by_hand.run_until(30.0)

    assert [one["number"] for one in sent] == [0, 0, 1, 1, 2, 2, 9]
    assert sent[3]["state"]["said"] == "worker 1 was killed"
    assert view.session.changes == by_hand.changes
    assert differing(view.session.log(), by_hand.log()) == []
