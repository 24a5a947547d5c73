"""The Gittins index, against published values and an independent calibration."""
from functools import lru_cache

import numpy as np
import pytest

from minimeta.exact.gittins import gittins_index, gittins_table

PUBLISHED = {0.5: 0.55902, 0.7: 0.6046, 0.9: 0.70289, 0.95: 0.76143}


@pytest.mark.parametrize("discount", PUBLISHED)
def test_published_indices_of_an_unknown_arm_are_reproduced(discount):
    assert abs(gittins_index(0, 0, discount) - PUBLISHED[discount]) < 6e-6


@pytest.mark.slow
def test_the_published_index_at_discount_99_is_reproduced():
    assert abs(gittins_index(0, 0, 0.99) - 0.86986) < 6e-6


def test_the_index_is_that_of_the_best_stopping_rule():
    """max over stopping rules of discounted reward per discounted time, by the fixed point
    of  V = 0 v (p - nu + discount V'):  an independent definition, in plain Python."""
    discount, depth = 0.6, 40

    def surplus(s, f, nu):
        @lru_cache(maxsize=None)
        def V(s, f, left):
            if left == 0:
                return 0.0
            p = (s + 1) / (s + f + 2)
            go = p * (1 + discount * V(s + 1, f, left - 1)) \
                + (1 - p) * discount * V(s, f + 1, left - 1) - nu
            return max(0.0, go)
        return V(s, f, depth)

    for s, f in ((0, 0), (2, 1), (0, 3)):
        index = gittins_index(s, f, discount)
        assert surplus(s, f, index - 1e-6) > 0 and surplus(s, f, index + 1e-6) == 0


def test_the_index_rises_with_successes_falls_with_failures_and_rises_with_the_discount():
    s, f = np.meshgrid(np.arange(5), np.arange(5), indexing="ij")
    index = gittins_index(s, f, 0.9)
    assert np.all(np.diff(index, axis=0) > 0) and np.all(np.diff(index, axis=1) < 0)
    assert np.all(gittins_index(s, f, 0.95) > index)


def test_the_index_is_above_the_mean_and_at_discount_zero_equal_to_it():
    s, f = np.array([0, 3, 1]), np.array([0, 1, 6])
    mean = (s + 1) / (s + f + 2)
    assert np.all(gittins_index(s, f, 0.8) > mean)
    assert np.abs(gittins_index(s, f, 0.0) - mean).max() < 1e-8


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.95])
def test_the_table_holds_the_indices_to_the_stated_accuracy(discount):
    table = gittins_table(6, discount)
    s, f = np.nonzero(~np.isnan(table))
    assert np.array_equal(np.sort(np.unique(s + f)), np.arange(7)) and len(s) == 28
    assert np.abs(table[s, f] - gittins_index(s, f, discount)).max() < 2e-5


@pytest.mark.parametrize("call, error, message", [
    (lambda: gittins_index(0, 0, 1.0), ValueError, "discount must be"),
    (lambda: gittins_index(0, 0, -0.1), ValueError, "discount must be"),
    (lambda: gittins_index(-1, 0, 0.5), ValueError, "successes must not be negative, got -1"),
    (lambda: gittins_index(0, 0.5, 0.5), TypeError, "failures must hold integers"),
    (lambda: gittins_table(0, 0.5), ValueError, "pulls must be at least 1, got 0"),
])
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
