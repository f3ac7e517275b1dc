"""One seed fixes every draw, and each draw belongs to what it is for.

A generator is keyed by (replication, queue, kind of job, purpose, attempt), and the n-th number it
gives belongs to the n-th root arrival. So the second attempt of order 17 takes the same time with
one worker or with ten, whatever happened to other jobs: *common random numbers*, which make two
scenarios comparable with far fewer replications (Law, Simulation Modeling and Analysis, 5th ed.,
section 11.2).
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(
    seed: int, replication: int, queue: str, kind: str, purpose: str, attempt: int = 0
) -> np.random.Generator:
    """The generator of one purpose; the same arguments always give the same numbers."""
    name = zlib.crc32("\0".join((queue, kind, purpose)).encode())
    key = np.random.SeedSequence(entropy=seed, spawn_key=(replication, name, attempt))
    return np.random.Generator(np.random.PCG64(key))
