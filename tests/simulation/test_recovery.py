"""The longest time from a kill to the jobs' return: a formula, the model, and the real queue."""

from __future__ import annotations

import asyncio
import random
import time

import numpy as np
import pytest
from bullmq import Queue, Worker
from bullmq.timer import Timer
from numpy.typing import NDArray

from simqueue import build_scenario, simulate
from simqueue.results.theory import recovery_longest


def took(lock_s: float, look_s: float, seed: int, kills: int = 200) -> NDArray[np.float64]:
    """Seconds from many kills, at any moment, until each interrupted job was put back."""
    draw = random.Random(seed)
    gap = 1.4 * recovery_longest(lock_s, look_s) + 4 * look_s
    moments = [gap * n + 2 * look_s + draw.uniform(0, look_s) for n in range(kills)]
    crashes = [
        # A replacement that comes soon would look sooner than the survivor.
        {"at_s": at, "worker": draw.randrange(2), "down_s": draw.uniform(1, 3) * look_s}
        for at in moments
    ]
    service = {"distribution": "constant", "mean_s": 0.15 * look_s}
    table = {
        "duration_s": gap * kills + 2 * look_s,
        "workers": {"count": 2, "crashes": crashes},
        "bullmq": {"lock_duration_s": lock_s, "stalled_interval_s": look_s},
        "arrivals": {"payment": {"interval_s": look_s / 20}},
        "queues": {"payment": {"service": service, "follow_up": {}}},
    }
    back = simulate(build_scenario(table)).log.select(outcome="stalled").rows["finished_s"]
    return back - np.array(moments)[np.searchsorted(moments, back) - 1]


@pytest.mark.parametrize(
    ("lock_s", "look_s"), [(30, 30), (300, 300), (120, 30)], ids=lambda s: f"{s} s"
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_job_of_the_model_waits_longer_than_the_formula(
    lock_s: float, look_s: float, seed: int
) -> None:
    seconds, longest = took(lock_s, look_s, seed), recovery_longest(lock_s, look_s)
    assert len(seconds) > 200
    assert seconds.max() <= longest
    assert seconds.max() > longest - look_s / 2, "half an interval less would not do"


@pytest.mark.slow
def test_no_job_of_the_real_queue_does(redis_url: str) -> None:
    """A worker looks, takes a job and dies; another's timer comes round at every phase.

    BullMQ's own script looks, by BullMQ's own timer, once a second.
    """
    look_ms = 1000
    options = {"connection": redis_url, "lockDuration": look_ms, "stalledInterval": look_ms}

    async def recovered_s(phase: float) -> float:
        name = f"phase-{phase}"
        queue = Queue(name, {"connection": redis_url})
        dead, survivor = Worker(name, None, dict(options)), Worker(name, None, dict(options))
        back = asyncio.Event()
        survivor.on("stalled", lambda *_: back.set())
        timer = Timer(look_ms / 1000, survivor.runStalledJobsCheck, survivor.emit)
        try:
            # The survivor's next look is due a second and `phase` seconds after the dead one's.
            await asyncio.sleep(1 - phase)
            await queue.add("job", {})
            await dead.runStalledJobsCheck()
            assert await dead.getNextJob("token")
            killed = time.monotonic()
            async with asyncio.timeout(10):
                await back.wait()
            return time.monotonic() - killed
        finally:
            timer.stop()
            await asyncio.gather(queue.close(), dead.close(), survivor.close())

    async def all_of_them() -> list[float]:
        return await asyncio.gather(*map(recovered_s, phases))

    phases = [0.05, 0.25, 0.5, 0.75, 0.95]
    seconds = asyncio.run(all_of_them())
    # The first look after the key is gone comes 1 s + phase after the kill, the next 1 s later.
    assert np.allclose(seconds, [2 + phase for phase in phases], atol=0.2)
    assert max(seconds) < recovery_longest(1, 1)
