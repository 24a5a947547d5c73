"""The finite Gittins index against its second definition: the best ratio of what a stopping
rule earns to the time it takes."""
from functools import lru_cache

import numpy as np
import pytest

from minimeta.exact.finite_gittins import finite_gittins_table
from minimeta.exact.gittins import gittins_index

def best_ratio(s, f, left):
    """nu <- E[reward] / E[time] of the rule that is best at nu, until nu stays
    (Dinkelbach 1967)."""
    nu, last = 0.0, -1.0
    while nu > last + 1e-14:
        @lru_cache(None)
        def pulls(s, f, left):
            m = (s + 1) / (s + f + 2)
            reward, time = m, 1.0
            for p, after in ((m, (s + 1, f)), (1 - m, (s, f + 1))) if left > 1 else ():
                more, longer = pulls(*after, left - 1)
                if more > nu * longer:
                    reward, time = reward + p * more, time + p * longer
            return reward, time
        reward, time = pulls(s, f, left)
        nu, last = reward / time, nu
    return nu


@pytest.mark.parametrize("s, f, left", [
    (0, 0, 1), (0, 0, 2), (0, 0, 30), (3, 1, 20), (1, 4, 17), (0, 9, 21), (12, 3, 13),
    (14, 0, 5), (0, 25, 5)])
def test_the_index_is_the_best_ratio_of_reward_to_time_and_never_below(s, f, left):
    table = finite_gittins_table(30)
    assert -1e-12 < table[left, s, f] - best_ratio(s, f, left) < 1e-5


def test_one_pull_is_worth_its_mean_and_more_pulls_are_worth_more():
    table = finite_gittins_table(12)
    s, f = np.indices(table.shape[1:])
    seen = s + f < 12
    assert np.allclose(table[1][seen], ((s + 1) / (s + f + 2))[seen], rtol=1e-12)
    more = table[2:] - table[1:-1]
    assert np.nanmin(more) > -1e-4 and np.nanmax(more) > 0.05


def test_indices_that_no_trial_can_need_are_nan():
    table = finite_gittins_table(7)
    left, s, f = np.indices((8, 8, 8))
    assert np.array_equal(np.isnan(table), (left + s + f > 7) | (left == 0))


def test_thirty_pulls_are_worth_less_than_a_hundred_on_average():
    assert finite_gittins_table(30)[30, 0, 0] < gittins_index(0, 0, 0.99)


@pytest.mark.parametrize("pulls", [0, 2.5])
def test_bad_numbers_of_pulls_are_refused(pulls):
    with pytest.raises((TypeError, ValueError), match="pulls must be"):
        finite_gittins_table(pulls)
