"""Secrets are not said, in whatever spelling they come: URLs, settings, cards, tracebacks."""

import random
import string
from urllib.parse import quote

import pytest

from simqueue.safe_text import cut, masked_url, one_line, redacted, safe, said

SECRET = "geheim"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://:pw@h:1/0", "redis://:***@h:1/0"),
        ("smtp://me:p@ss@h", "smtp://me:***@h"),
        ("sqlite:///shop.db", "sqlite:///shop.db"),
        ("sqlite:////home/me@work/shop.db", "sqlite:////home/me@work/shop.db"),
        ("redis://h", "redis://h"),
        ("redis://me@h", "redis://me@h"),
        ("redis://[::1]:7/0", "redis://[::1]:7/0"),
        ("rediss://u:p@h/0?ssl_ca_certs=/a.pem", "rediss://u:***@h/0?ssl_ca_certs=/a.pem"),
        ("shop.db", "shop.db"),
    ],
)
def test_of_a_url_is_shown_what_is_no_secret(url: str, masked: str) -> None:
    assert masked_url(url) == masked


@pytest.mark.parametrize(
    "url",
    [
        f"redis://h/0?password={SECRET}",
        f"redis://h/0?PASSWORD={SECRET}",
        f"redis://h/0?pass%77ord={SECRET}",
        f"redis://h/0?%70assword={SECRET}&db=1",
        f"rediss://h/0?ssl_password={SECRET}",
        f"postgresql://h/shop?sslpassword={SECRET}",
        f"postgresql://h/shop?sslmode=require;password={SECRET}",
        f"redis://h/0?credential_provider={SECRET}",
        f"redis://h/0?anything={SECRET}",
        f"redis://h/0?{SECRET}",
        f"redis://h/0?password={SECRET}@{SECRET}",
        f"redis://h/0#password={SECRET}",
        f"redis://h/0;password={SECRET}",
        f"redis://:{SECRET}@h?password={SECRET}",
        f"redis://:{SECRET}/{SECRET}@h/0",
        f"redis://:{SECRET}?{SECRET}@h/0",
        f"redis://:{SECRET}#{SECRET}@h/0",
        f"redis://:{SECRET}@{SECRET}@h/0",
        f"redis://me:{SECRET}",
        f"postgresql:shop:{SECRET}@db/shop",
        f"//shop:{SECRET}@db/shop",
        f"shop:{SECRET}@db",
        f"host=db password={SECRET}",
    ],
)
def test_no_spelling_of_a_secret_is_shown(url: str) -> None:
    assert SECRET not in masked_url(url)
    if "://" in url:
        assert SECRET not in redacted(f"cannot connect to {url}")


@pytest.mark.parametrize("seed", range(10))
def test_no_password_is_shown_wherever_it_stands_in_a_url(seed: int) -> None:
    """What a person can paste: any signs in the password, quoted or not, in any of the places."""
    draw = random.Random(seed)
    for _ in range(200):
        signs = "".join(draw.choices("@:/?#&=;%+ " + string.ascii_letters, k=draw.randrange(6)))
        password = f"{signs}{SECRET}{signs}"
        password = draw.choice([password, quote(password, safe="")])
        scheme = draw.choice(["redis", "rediss", "postgresql", "smtp", "smtps"])
        url = draw.choice(
            [
                f"{scheme}://me:{password}@host:1/0",
                f"{scheme}://:{password}@host",
                f"{scheme}://host/0?password={password}",
                f"{scheme}://host/0?db=1&sslPassword={password}&timeout=3",
                f"{scheme}://host/0#{password}",
            ]
        )
        assert SECRET not in masked_url(url), url


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"{{'password': '{SECRET}'}}",
        f'{{"api_key": "{SECRET}"}}',
        f"PGPASSWORD = {SECRET}",
        f"client_secret: {SECRET}, and more",
        f"Authorization: Bearer {SECRET}.{SECRET}",
        f"Authorization: Basic {SECRET}",
        f"{{'authorization': '{SECRET} {SECRET}'}}",
        f"postgresql://shop:{SECRET}@db/shop refused",
        f"{'a' * 100}password={SECRET}",
        f"{'%zz' * 40}token: {SECRET}",
    ],
)
def test_a_secret_with_a_name_is_not_said(text: str) -> None:
    assert SECRET not in redacted(text)


#: Numbers that card companies publish for tests.
CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117",
         "30569309025904", "3530111333300000", "2223003122003222")  # fmt: skip


@pytest.mark.parametrize("number", CARDS)
def test_a_cards_number_is_not_said(number: str) -> None:
    for spelt in (number, " ".join(number[i : i + 4] for i in range(0, len(number), 4)),
                  "-".join(number[i : i + 4] for i in range(0, len(number), 4))):  # fmt: skip
        for text in (f"card {spelt} declined", f"card={spelt}", f"'{spelt}'", f"({spelt})"):
            assert redacted(text) == text.replace(spelt, "***")


@pytest.mark.parametrize(
    "text",
    [
        "order-536365",
        "1764150000000",  # milliseconds
        "4111111111111112",  # its last digit does not fit
        "0x4111111111111111",
        "took 0.41111111111111111 s",
        "job 20261126104531123456",
    ],
)
def test_other_numbers_are_said(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b", "\x9b", "\u2028", "\u202e", "\ud800", "\x85"])
def test_no_sign_moves_a_cursor_or_breaks_an_encoding(sign: str) -> None:
    for spoken in (safe(f"a{sign}b"), one_line(f"a{sign}b"), said(f"a{sign}b")):
        assert sign not in spoken
        spoken.encode()
        assert len(spoken.splitlines()) == 1


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert len(cut("x" * 100_000, 1000)) < 1050
    assert "more]" in cut("x" * 100_000, 1000)
    assert len(said("x" * 10_000_000)) < 1050
    assert cut("short", 1000) == "short"
