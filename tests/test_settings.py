"""Environment variables of the shop: wrong values named, secrets kept."""

import pytest

from simqueue.errors import InputError
from simqueue.settings import Settings, read_settings

VARIABLES = (
    *("WORKER_MODE", "WORKER_TYPE", "WORKER_CONCURRENCY"),
    *("QUEUE_REDIS_URL", "DATABASE_URL", "SMTP_URL"),
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_defaults() -> None:
    settings = read_settings()

    assert settings.worker_mode == "in-process"
    assert settings.worker_type == "all"
    assert settings.worker_concurrency == 5
    assert settings.queue_redis_url is None
    assert settings.database_url.get_secret_value().startswith("sqlite:///")
    assert settings.smtp_url is None


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "WORKER_MODE": "none",
        "WORKER_TYPE": "payment",
        "WORKER_CONCURRENCY": "7",
        "QUEUE_REDIS_URL": "rediss://:pw@cache:6380/2",
        "DATABASE_URL": "postgresql://shop:pw@db/shop",
        "SMTP_URL": "smtps://shop:pw@mail",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()

    assert (settings.worker_mode, settings.worker_type) == ("none", "payment")
    assert settings.worker_concurrency == 7
    assert settings.queue_redis_url is not None
    assert settings.queue_redis_url.get_secret_value() == values["QUEUE_REDIS_URL"]
    assert settings.database_url.get_secret_value() == values["DATABASE_URL"]
    assert "pw" not in repr(settings)
    assert "pw" not in settings.model_dump_json()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_MODE", "")

    assert read_settings().worker_mode == "in-process"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORKER_MODE", "bull", "WORKER_MODE=bull: should be 'in-process', 'bull-queue' or 'none'"),
        ("WORKER_TYPE", "emails", "WORKER_TYPE=emails: should be 'email', 'order', 'payment'"),
        ("WORKER_CONCURRENCY", "0", "WORKER_CONCURRENCY=0: should be greater than or equal to 1"),
        ("WORKER_CONCURRENCY", "five", "WORKER_CONCURRENCY=five: should be a valid integer"),
        ("QUEUE_REDIS_URL", "http://:geheim@x", "QUEUE_REDIS_URL: the URL should start with"),
        ("SMTP_URL", "mail:geheim@x", "SMTP_URL: the URL should start with smtp:// or smtps://"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InputError) as caught:
        read_settings()

    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["WORKER_MODE", "WORKER_TYPE", "WORKER_CONCURRENCY"])
@pytest.mark.parametrize("value", ["password=geheim", "a" * 5000 + "password=geheim", "\x1b[2J"])
def test_a_wrong_value_is_not_said_at_length_nor_with_a_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        read_settings()

    assert f"environment variable {name}=" in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().worker_type = "email"
