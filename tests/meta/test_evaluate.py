"""The evaluation protocol."""
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from minimeta import (MAML, MLP, RL2, Categorical, Gaussian, Imitation, RecurrentPolicy,
                      MLPPolicy, RegressionMAML, Reinforce, evaluate)
from minimeta.meta import Curve
from minimeta.meta.evaluate import consumed, interval
from minimeta.meta.learner import stream
from minimeta.require import NotFinite
from minimeta.rivals.bandit_agents import BanditAgent, greedy
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation, Sinusoid
from minimeta.tasks.bandits import BernoulliTasks

FAMILY = BernoulliBandit(arms=3, pulls=4)
LEARNER = RL2(RecurrentPolicy(1, Categorical(3), n_hidden=5))
THETA = LEARNER.init(np.random.default_rng(0))
PLANE = PointNavigation(horizon=4)
WALKER = MAML(MLPPolicy(2, Gaussian(2), (5,)), trials=3)
PHI = WALKER.init(np.random.default_rng(0))


def test_an_untrained_agent_earns_what_chance_earns():
    curve = evaluate(LEARNER, np.zeros_like(THETA), FAMILY, tasks=4000, seed=0)
    assert abs(curve.mean[0] - 2.0) < 4 * curve.standard_error[0]


def test_tasks_and_luck_come_from_two_streams_of_the_seed():
    lucks = []

    class Watched(RL2):
        def collect(self, theta, tasks, rng):
            lucks.append(rng.random())
            return super().collect(theta, tasks, rng)

    curve = evaluate(Watched(LEARNER.policy), THETA, FAMILY, tasks=9, seed=6)
    assert np.array_equal(curve.tasks.p, FAMILY.sample(9, stream(6, 0, "evaluate")).p)
    assert lucks == [stream(6, 1, "evaluate").random()]


def test_the_same_seed_meets_the_same_tasks_with_the_same_luck():
    one, same, other = (evaluate(LEARNER, THETA, FAMILY, tasks=9, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.returns, same.returns)
    assert not np.array_equal(one.returns, other.returns)


@pytest.mark.parametrize("n", [2, 3, 5, 200])
def test_the_interval_holds_the_mean_in_95_of_100_cases_with_few_tasks_too(n):
    rng, repeats = np.random.default_rng(n), 4000
    low, high = Curve(rng.normal(2.0, 3.0, (n, repeats))).interval.T
    hits = ((low <= 2.0) & (2.0 <= high)).mean()
    assert abs(hits - 0.95) < 4 * np.sqrt(0.95 * 0.05 / repeats)


def test_1_96_standard_errors_would_be_too_few_for_three_tasks():
    curve = Curve(np.random.default_rng(0).normal(2.0, 3.0, (3, 4000)))
    assert (abs(curve.mean - 2.0) < 1.96 * curve.standard_error).mean() < 0.85
    low, high = curve.interval[0]
    t = (high - low) / 2 / curve.standard_error[0]
    assert t == pytest.approx(stats.t.ppf(0.975, 2), rel=1e-9)


def test_the_mean_of_a_single_value_is_itself_with_an_interval_of_nan():
    mean, half = interval(np.array([[1.0, 2.0, 5.0]]))
    assert mean.tolist() == [1, 2, 5] and half.shape == (3,) and np.isnan(half).all()


def test_a_single_task_has_no_interval_and_two_have_one():
    alone = Curve(np.ones((1, 2)))
    assert np.isnan(alone.interval).all() and np.isnan(alone.standard_error).all()
    assert alone.standard_error.shape == (2,)
    assert Curve(np.array([[1.0], [3.0]])).standard_error.tolist() == [1.0]


def test_a_curve_prints_one_line_for_each_amount_of_experience():
    text = str(Curve(np.array([[1.0, 2.0], [3.0, 6.0]])))
    assert text.splitlines()[1].split()[:2] == ["0", "2.000"]
    assert text.splitlines()[2].split()[:2] == ["1", "4.000"]


def test_the_table_says_whether_rounds_or_episodes_are_counted():
    grid = GridNavigation(3, episodes=2, horizon=4)
    recurrent = RL2(RecurrentPolicy(9, Categorical(5), n_hidden=5), episodes=2)
    theta = recurrent.init(np.random.default_rng(0))
    for curve, label, points in (
            (evaluate(WALKER, PHI, PLANE, tasks=3, rounds=2), "rounds", 3),
            (evaluate(recurrent, theta, grid, tasks=3), "episodes", 2)):
        assert curve.experience == label and str(curve).split()[0] == label
        assert curve.returns.shape == (3, points)


def test_a_point_is_the_return_of_one_episode():
    grid = GridNavigation(3, episodes=2, horizon=4)
    recurrent = RL2(RecurrentPolicy(9, Categorical(5), n_hidden=5), episodes=2)
    curve = evaluate(recurrent, recurrent.init(np.random.default_rng(0)), grid, tasks=30)
    assert (curve.returns <= 4).all() and (curve.returns >= -0.4 - 1e-6).all()
    assert abs(curve.mean - curve.tasks.random().mean()).max() < 5 * curve.standard_error.max()


def test_a_point_is_the_mean_return_of_the_trials_of_a_batch():
    batches = []

    class Watched(MAML):
        def collect(self, theta, tasks, rng):
            batches.append(super().collect(theta, tasks, rng))
            return batches[-1]

    curve = evaluate(Watched(WALKER.policy, trials=3), PHI, PLANE, tasks=4, rounds=1)
    assert len(batches) == 2
    for point, batch in zip(curve.returns.T, batches):
        assert np.allclose(point, batch.reward.sum(1).mean(-1), rtol=1e-6)


def test_experience_is_counted_where_trials_of_several_episodes_are_adapted_to():
    end = np.zeros((1, 6, 3), bool)
    end[0, [2, 5]], mask = True, np.ones((1, 6, 3), bool)
    numbers, steps = consumed([SimpleNamespace(end=end, mask=mask)] * 2, 2)
    assert numbers.tolist() == [0, 2 - 1, 2 * 3, 2 * 3 + 1]
    assert steps.tolist() == [[0, 3, 6 * 3, 6 * 3 + 3]]


def test_the_curve_carries_its_tasks_in_the_order_of_its_rows():
    curve = evaluate(WALKER, PHI, PLANE, tasks=7, seed=3)
    again = evaluate(WALKER, PHI, PLANE, tasks=curve.tasks, seed=3)
    assert np.array_equal(curve.returns, again.returns)
    assert len(curve.tasks.oracle()) == 7


def test_a_curve_tells_the_experience_before_each_point_in_episodes_and_steps():
    """In the plane an episode has 4 steps unless it meets the goal, and 3 episodes are one
    batch. A demonstration is one episode, whatever the learner then tries itself."""
    curve = evaluate(WALKER, PHI, PLANE, tasks=5, rounds=2)
    assert curve.episodes.tolist() == [0, 3, 6]
    assert (curve.steps == np.array([0, 12, 24])).all() and curve.steps.shape == (5, 3)
    grid = GridNavigation(3, episodes=1, horizon=4)
    shown = Imitation(MLPPolicy(9, Categorical(5), (4,)), tries=7)
    curve = evaluate(shown, shown.init(np.random.default_rng(0)), grid, tasks=5, rounds=1)
    assert curve.episodes.tolist() == [0, 1] and (curve.steps == [0, 4]).all()


def test_a_learner_adapts_after_each_collection_but_the_last():
    adapted = []

    class Counted(MAML):
        def adapt(self, theta, history, **options):
            adapted.append(len(history))
            return super().adapt(theta, history, **options)

    evaluate(Counted(WALKER.policy, trials=3), PHI, PLANE, tasks=2, rounds=2)
    assert adapted == [1, 2]


def test_steps_count_what_was_played_where_episodes_end_early():
    """An episode in this plane ends where the goal is met, most before the horizon of 50."""
    near = PointNavigation(horizon=50, radius=0.4)
    curve = evaluate(WALKER, PHI, near, tasks=40, rounds=1)
    assert (curve.steps[:, 1] <= 150).all() and 3 <= curve.steps[:, 1].min() < 150
    recurrent = RL2(RecurrentPolicy(2, Gaussian(2), n_hidden=5), episodes=3, trials=2)
    theta = recurrent.init(np.random.default_rng(0))
    curve = evaluate(recurrent, theta, replace(near, episodes=3), tasks=40)
    assert curve.episodes.tolist() == [0, 1, 2] and (curve.steps[:, 0] == 0).all()
    assert (np.diff(curve.steps, axis=1) >= 0.5).all() and curve.steps[:, 2].min() < 100


def test_tasks_of_one_s_own_are_met_as_they_are():
    p = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    curve = evaluate(LEARNER, THETA, FAMILY, tasks=BernoulliTasks(FAMILY, p))
    assert curve.returns.tolist() == [[4.0], [0.0]]


def test_tasks_of_another_family_are_refused():
    with pytest.raises(ValueError, match="tasks must be of the family BernoulliBandit.arms=3"):
        evaluate(LEARNER, THETA, FAMILY,
                 tasks=BernoulliBandit(3, 5).sample(2, np.random.default_rng(0)))


@pytest.mark.parametrize("learner, theta, family", [
    (LEARNER, THETA, FAMILY), (BanditAgent(3, greedy), None, FAMILY)])
def test_a_learner_that_adapts_within_a_trial_takes_no_rounds(learner, theta, family):
    with pytest.raises(ValueError, match="rounds must be 0 for .*, got 1"):
        evaluate(learner, theta, family, tasks=2, rounds=1)


def test_a_learner_of_one_s_own_that_adapts_takes_rounds_without_a_word_of_it():
    own = SimpleNamespace(episodes=1, rounds=0, collect=WALKER.collect, adapt=WALKER.adapt)
    assert evaluate(own, PHI, PLANE, tasks=2, rounds=2).returns.shape == (2, 3)
    own = SimpleNamespace(episodes=1, rounds=0, collect=WALKER.collect)
    with pytest.raises(ValueError, match="rounds must be 0 for SimpleNamespace"):
        evaluate(own, PHI, PLANE, tasks=2, rounds=2)


def test_a_learner_that_is_trained_without_adaptation_may_adapt_in_evaluation():
    learner = Reinforce(WALKER.policy, trials=3)
    assert evaluate(learner, PHI, PLANE, tasks=2).experience == "episodes"
    assert evaluate(learner, PHI, PLANE, tasks=2, rounds=1).experience == "rounds"


def lost(value, what, at):
    """A bandit family that shows or pays `value` at one pull."""
    @dataclass(frozen=True)
    class Tasks(BernoulliTasks):
        def observe(self, state):
            obs = super().observe(state)
            return np.where(state[..., None] == at, value, obs) if what == "obs" else obs

        def step(self, state, action, rng):
            after, obs, reward, done = super().step(state, action, rng)
            return after, obs, np.where(state == at, value, reward
                                        ) if what == "reward" else reward, done

    class Family(BernoulliBandit):
        def sample(self, K, rng):
            return Tasks(self, super().sample(K, rng).p)

    return Family(3, 4)


@pytest.mark.parametrize("learner, theta", [
    (LEARNER, THETA), (BanditAgent(3, greedy), None),
    (MAML(MLPPolicy(1, Categorical(3), (4,)), trials=2), None)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what, at", [("obs", 0), ("obs", 2), ("reward", 0), ("reward", 3)])
def test_nan_of_a_family_never_becomes_a_score(learner, theta, value, what, at):
    if theta is None and hasattr(learner, "layout"):
        theta = learner.init(np.random.default_rng(0))
    message = rf"{what} must be finite, got {value} at index .* of step {at} of .*Family"
    with pytest.raises(NotFinite, match=message):
        evaluate(learner, theta, lost(value, what, at), tasks=2)


def test_a_number_too_large_for_the_dtype_of_theta_is_not_finite_there():
    with pytest.raises(NotFinite, match="numbers of float32 are at most 3.4e[+]38"):
        evaluate(LEARNER, THETA, lost(1e39, "obs", 2), tasks=2)
    wide = replace(LEARNER, dtype=np.float64)
    evaluate(wide, THETA.astype(float), lost(1e39, "reward", 3), tasks=2)


def test_a_learner_that_earns_no_returns_is_refused():
    curves = RegressionMAML(MLP((1, 4, 1)))
    with pytest.raises(TypeError, match=r"RegressionMAML earns no returns; use its errors\(\)"):
        evaluate(curves, curves.init(np.random.default_rng(0)), Sinusoid(), tasks=2)


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="tasks must be at least 1, got 0"):
        evaluate(LEARNER, THETA, FAMILY, tasks=0)
    with pytest.raises(ValueError, match="shards must be at least 1, got 0"):
        evaluate(LEARNER, THETA, FAMILY, tasks=2, shards=0)
    with pytest.raises(TypeError, match=r"learner must be one such as MAML\(..\)"):
        evaluate(THETA, LEARNER, FAMILY, tasks=2)
    with pytest.raises(TypeError, match="family must be one such as"):
        evaluate(LEARNER, THETA, BernoulliBandit, tasks=2)
    with pytest.raises(ValueError, match="rounds must be at least 0, got -1"):
        evaluate(WALKER, PHI, PLANE, tasks=2, rounds=-1)
    with pytest.raises(TypeError, match="tasks must be a whole number, got 2.5"):
        evaluate(LEARNER, THETA, FAMILY, tasks=2.5)
