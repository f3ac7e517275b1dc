"""The formula sheet says what the functions compute, and the glossary what the lessons say."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chromium import Page

from simqueue.course.sheets import (
    formulas,
    formulas_markdown,
    formulas_page,
    glossary_markdown,
    glossary_page,
)
from simqueue.course.words import WORDS
from simqueue.results import theory

ROOT = Path(__file__).resolve().parents[2]


def blocked(c: int, a: float) -> float:
    return 1.0 if c == 0 else (before := blocked(c - 1, a)) * a / (c + a * before)


def full(c: int, waiting: int, a: float) -> float:
    if waiting == 0:
        return blocked(c, a)
    before = full(c, waiting - 1, a)
    return a / c * before / (1 + a / c * before)


def waits(c: int, a: float) -> float:
    b = blocked(c, a)
    return c * b / (c - a * (1 - b))


def closed(n: int, z: float, s: float, c: int) -> float:
    p = [1.0]
    for there in range(n):
        p.append(p[-1] * (n - there) * s / (z * min(there + 1, c)))
    thinking = sum((n - there) * one for there, one in enumerate(p)) / sum(p)
    return n / (thinking / z) - z


def classes(left: float, loads: list[float]) -> list[float]:
    sums = [sum(loads[:k]) for k in range(len(loads) + 1)]
    return [left / ((1 - sums[k]) * (1 - sums[k + 1])) for k in range(len(loads))]


def by_priority(rates: list[float], means: list[float], scvs: list[float]) -> list[float]:
    each = list(zip(rates, means, scvs, strict=True))
    left = sum(rate * mean**2 * (1 + scv) / 2 for rate, mean, scv in each)
    return classes(left, [rate * mean for rate, mean, _ in each])


def by_priority_on_many(rates: list[float], s: float, c: int) -> list[float]:
    return classes(waits(c, sum(rates) * s) * s / c, [rate * s / c for rate in rates])


def bursts(t: float, rates: tuple[float, float], lasts: tuple[float, float]) -> float:
    (l1, l2), (r1, r2) = rates, (1 / lasts[0], 1 / lasts[1])
    r = r1 + r2
    k = 2 * r1 * r2 * (l1 - l2) ** 2 / (r**2 * (l1 * r2 + l2 * r1))
    return 1 + k * (1 - (1 - exp(-r * t)) / (r * t))


#: Each function, its formula as the sheet has it, the same in Python, and arguments to try.
SHEET: dict[str, tuple[str, Callable[..., Any], list[tuple[Any, ...]]]] = {
    "erlang_b": ("B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1))", blocked, [(3, 2.0), (10, 8.0)]),
    "erlang_c": ("C = c B / (c - a (1 - B))", waits, [(3, 2.0), (10, 8.0)]),
    "mmck_blocked": ("B(k+1) = ρ B(k) / (1 + ρ B(k))", full, [(2, 3, 1.5), (1, 4, 3.0)]),
    "mmc_wait_mean": (
        "W = C / (c μ - λ)",
        lambda r, s, c: waits(c, r * s) / (c / s - r),
        [(1.6, 1.0, 2), (4.0, 2.0, 10)],
    ),
    "mmc_wait_ccdf": (
        "P(wait > t) = C exp(-(c μ - λ) t)",
        lambda t, r, s, c: waits(c, r * s) * exp(-(c / s - r) * t),
        [(0.5, 1.6, 1.0, 2)],
    ),
    "mmc_wait_quantile": (
        "t = ln(C / (1 - q)) / (c μ - λ)",
        lambda q, r, s, c: log(waits(c, r * s) / (1 - q)) / (c / s - r),
        [(0.95, 1.6, 1.0, 2)],
    ),
    "closed_response_mean": (
        "R = N / X - z, p(n+1) / p(n) = (N - n) s / (z min(n+1, c))",
        closed,
        [(10, 1.0, 2.0, 7), (40, 8.0, 2.0, 3)],
    ),
    "mg1_wait_mean": (
        "W = ρ / (1 - ρ) (1 + cv²) / 2 s",
        lambda r, s, scv: r * s / (1 - r * s) * (1 + scv) / 2 * s,
        [(0.4, 2.0, 9.0)],
    ),
    "md1_wait_mean": (
        "W = ρ / (1 - ρ) s / 2",
        lambda r, s: r * s / (1 - r * s) * s / 2,
        [(0.45, 2.0)],
    ),
    "priority_wait_means": (
        "W(k) = W0 / ((1 - σ(k-1)) (1 - σ(k))), W0 = Σ λ E[S²] / 2",
        by_priority,
        [([0.1, 0.2, 0.05], [1.0, 2.0, 4.0], [0.0, 1.0, 3.0])],
    ),
    "mmc_priority_wait_means": (
        "W(k) = W0 / ((1 - σ(k-1)) (1 - σ(k))), W0 = C s / c",
        by_priority_on_many,
        [([0.5, 1.0], 1.5, 3)],
    ),
    "attempts_mean": (
        "(1 - p^N) / (1 - p)",
        lambda p, n: (1 - p**n) / (1 - p),
        [(0.2, 3), (0.9, 8)],
    ),
    "retry_rate": (
        "λ (1 - p^N) / (1 - p)",
        lambda r, p, n: r * (1 - p**n) / (1 - p),
        [(3.0, 0.5, 4)],
    ),
    "littles_law": ("L = λ W", lambda r, w: r * w, [(3.0, 2.5)]),
    "mmpp_dispersion": (
        "1 + K (1 - (1 - exp(-r t)) / (r t)), K = 2 r1 r2 (λ1 - λ2)² / (r² (λ1 r2 + λ2 r1))",
        bursts,
        [(10.0, (1.0, 8.0), (30.0, 5.0))],
    ),
    "recovery_longest": (
        "max(3 I, D + I)",
        lambda d, i: max(3 * i, d + i),
        [(30, 30), (120, 30)],
    ),
}


def test_the_sheet_has_every_formula_of_theory() -> None:
    assert [one.name for one in formulas()] == list(SHEET)
    for one in formulas():
        assert one.formula == SHEET[one.name][0]
        assert one.says


@pytest.mark.parametrize("name", SHEET)
def test_a_function_computes_its_formula(name: str) -> None:
    _, formula, tries = SHEET[name]
    for arguments in tries:
        assert getattr(theory, name)(*arguments) == pytest.approx(formula(*arguments), rel=1e-9)


def test_each_source_is_a_book_or_a_paper_or_the_program() -> None:
    for one in formulas():
        assert re.search(r"\*.+\*.*\b(?:18|19|20)\d\d|\b19\d\d\b|series|BullMQ", one.source), one


@pytest.mark.parametrize(
    ("page", "made"), [("formulas.md", formulas_markdown), ("glossary.md", glossary_markdown)]
)
def test_the_pages_are_up_to_date(page: str, made: Callable[[], str]) -> None:
    """If this fails: ``simqueue course formulas > docs/formulas.md``, and so with the glossary."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made()


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.word)
def test_a_word_is_in_its_lesson(word: Any) -> None:
    (path,) = (ROOT / "notebooks").glob(f"{word.lesson}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert re.search(rf"\b{re.escape(word.word)}", text, re.IGNORECASE)


#: The words on which everything in the project agrees.
AGREED = (
    "job", "queue", "worker", "slot", "attempt", "retry", "backoff", "jitter", "arrival rate",
    "service time", "io", "cpu", "utilisation", "wait", "response time", "throughput",
    "queue length", "delayed", "replication", "warm-up", "stalled", "at least once",
)  # fmt: skip


def test_the_words_that_are_agreed_on_are_there_once_in_their_order() -> None:
    words = [word.word for word in WORDS]
    assert words == sorted(set(words))
    assert set(AGREED) <= set(words)
    assert all(word.meaning.endswith(".") for word in WORDS)


@pytest.mark.parametrize("page", [formulas_page, glossary_page])
def test_pages_need_nothing_from_elsewhere(page: Callable[[], str]) -> None:
    html = page()
    assert html.startswith("<!doctype html>")
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|<script|src=", html)
    assert html.count("<tr>") == (len(SHEET) if "Formulas" in html else len(WORDS)) + 1


def test_the_formulas_are_on_one_sheet_of_paper(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "formulas.html"
    file.write_text(formulas_page(), encoding="utf-8")
    page.open(file.as_uri())
    printed = page.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
    assert len(re.findall(rb"/Type\s*/Page\b", b64decode(printed["data"]))) == 1
