"""The soak test finds a leak, and only a leak."""

import os
import time

import numpy as np
from soak import Watch, growth, resident_mib

REQUESTS = 10_000
SAMPLES = np.arange(400)


def noise(size):
    return np.random.default_rng(7).exponential(size, len(SAMPLES))


def leak(bytes_a_request):
    return bytes_a_request * REQUESTS / 2**20 * SAMPLES / len(SAMPLES)


def test_memory_that_levels_off_is_in_order():
    filling = 40 + 25 * (1 - np.exp(-SAMPLES / 25))
    late_buffer = np.where(SAMPLES > 250, 8.0, 0.0)
    for course in (filling, filling + late_buffer, filling[::-1]):
        assert growth(list(course + noise(1.5)), REQUESTS) is None


def test_a_leak_is_found_beside_what_comes_and_goes():
    filling = 40 + 25 * (1 - np.exp(-SAMPLES / 25))
    assert "level off" in growth(list(filling + leak(600) + noise(1.5)), REQUESTS)
    # In a long run as little a request shows as in a short one.
    assert "level off" in growth(list(filling + 20 * leak(600) + noise(5)), 20 * REQUESTS)
    assert growth(list(filling + leak(100)), REQUESTS) is None
    # One that comes at once is no step, but too much.
    assert "grew by" in growth(list(np.where(SAMPLES > 250, 70.0, 40.0)), REQUESTS)


def test_memory_that_a_process_takes_is_seen():
    with Watch(os.getpid()) as watch:
        before = resident_mib(os.getpid())
        taken = bytearray(b"x") * (64 << 20)
        time.sleep(0.6)
    assert watch.samples and max(watch.samples) - before > 60 and len(taken) == 64 << 20
