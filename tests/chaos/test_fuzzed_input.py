"""Whatever is given, a command says in one line what is wrong with it, and shows no traceback.

Order files, scenarios, options, the environment, and the jobs of other programs. A failure prints
its seed; ``python tests/chaos/fuzzing.py 5000 SEED`` runs more of them.
"""

from pathlib import Path

import pytest
import redis
from fuzzing import KINDS, fuzz
from redis_servers import RedisServer

#: Inputs of each kind.
NUMBER = 60

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "strangers"])
def test_nothing_that_is_given_ends_in_a_traceback(
    kind: str, tmp_path: Path, impatient: None
) -> None:
    codes, wrong = fuzz(kind, NUMBER, 20, tmp_path)

    assert not wrong, "\n".join(wrong[:5])
    assert codes[2] > 0, "nothing was refused: what is tried is too tame"
    assert codes[0] > 0, "nothing was taken: what is tried is too wild"


def test_nothing_that_a_stranger_left_ends_in_a_traceback(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with redis.Redis(port=redis_server.port) as client:
        codes, wrong = fuzz("strangers", NUMBER, 20, tmp_path, client, redis_server.url)

    assert not wrong, "\n".join(wrong[:5])
    assert codes[0] > NUMBER / 2
