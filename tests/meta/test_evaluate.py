"""The evaluation protocol."""
import numpy as np
import pytest

from minimeta import RL2, Categorical, RecurrentPolicy, evaluate
from minimeta.meta import Curve
from minimeta.tasks import BernoulliBandit

FAMILY = BernoulliBandit(arms=3, pulls=4)
LEARNER = RL2(RecurrentPolicy(1, Categorical(3), n_hidden=5))
THETA = LEARNER.init(np.random.default_rng(0))


def test_an_untrained_agent_earns_what_chance_earns():
    curve = evaluate(LEARNER, np.zeros_like(THETA), FAMILY, tasks=4000, seed=0)
    assert abs(curve.mean[0] - 2.0) < 4 * curve.standard_error[0]


def test_the_same_seed_meets_the_same_tasks_with_the_same_luck():
    one, same, other = (evaluate(LEARNER, THETA, FAMILY, tasks=9, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.returns, same.returns)
    assert not np.array_equal(one.returns, other.returns)


def test_the_interval_holds_the_mean_in_95_of_100_cases():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        low, high = Curve(rng.normal(2.0, 3.0, (200, 1))).interval[0]
        hits += low <= 2.0 <= high
    assert 0.92 < hits / 400 < 0.98


def test_a_curve_prints_one_line_for_each_amount_of_experience():
    text = str(Curve(np.array([[1.0, 2.0], [3.0, 6.0]])))
    assert text.splitlines()[1].split()[:2] == ["0", "2.000"]
    assert text.splitlines()[2].split()[:2] == ["1", "4.000"]


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="tasks must be at least 1, got 0"):
        evaluate(LEARNER, THETA, FAMILY, tasks=0)
