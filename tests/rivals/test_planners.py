"""Planners: their belief against Bayes' rule, their reward against closed forms and
against the published table."""
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimeta import evaluate
from minimeta.rivals.planners import (TIE, Belief, Planner, exploration_bonus,
                                      posterior_mean, posterior_sample)
from minimeta.rl import rollout
from minimeta.tasks import GridNavigation, RandomMDP

PUBLISHED = [(posterior_sample, 0.0, 138.0), (posterior_sample, 1.0, 134.1),
             (posterior_mean, 0.0, 136.9), (posterior_mean, 1.0, 155.1)]


def total(planner, tasks=4000, seed=0):
    """Mean reward of a trial, and its standard error."""
    returns = evaluate(planner, None, planner.family, tasks=tasks, seed=seed).returns
    totals = returns.sum(1)
    return totals.mean(), totals.std() / np.sqrt(tasks)


def live(planner, K, seed=0):
    """The tasks, what happened in one trial of each, and the memory after it."""
    rng = np.random.default_rng(seed)
    tasks = planner.family.sample(K, rng)
    data = planner.collect(None, tasks, rng)
    memory = planner.begin(None, K)
    for x in np.moveaxis(data.x[:, :, 0], 1, 0):
        _, memory = planner.act(None, memory, x, rng)
    return tasks, data, memory


# ---- the belief

@settings(max_examples=15)
@given(seed=st.integers(0, 2 ** 32 - 1), S=st.integers(1, 4), A=st.integers(1, 3),
       T=st.integers(1, 5), E=st.integers(1, 4))
def test_memory_holds_what_happened_and_no_step_across_a_reset(seed, S, A, T, E):
    K = 3
    _, data, memory = live(Planner(RandomMDP(S, A, T, E)), K, seed)
    counts, rewards = np.zeros((K, S, A, S)), np.zeros((K, S, A))
    state = data.x[:, :, 0, :S].argmax(-1)
    for k in range(K):
        for t in range(T * E - 1):  # what the last step earned is not read any more
            s, a = state[k, t], data.action[k, t, 0]
            rewards[k, s, a] += data.reward[k, t, 0]
            if (t + 1) % T:
                counts[k, s, a, state[k, t + 1]] += 1
    assert np.array_equal(memory.counts, counts)
    assert np.allclose(memory.rewards, rewards, rtol=1e-12, atol=1e-12)
    assert np.all(memory.visits.sum((1, 2)) == T * E - 1)


@pytest.mark.parametrize("prior_mean", [0.0, 1.0])
def test_the_reward_belief_is_bayes_rule_by_quadrature(prior_mean):
    planner = Planner(RandomMDP(2, 3, 4, 5, noise=0.7), prior_mean=prior_mean)
    rewards = np.array([0.3, 1.9, -0.4])
    memory = planner.begin(None, 1)
    for r in rewards:
        memory = planner.update(memory, np.array([1]), np.array([2]), r, True)
    belief = planner.belief(memory)
    mu = np.linspace(-12, 12, 24_001)
    density = np.exp(-(mu - prior_mean) ** 2 / 2
                     - ((rewards[:, None] - mu) ** 2).sum(0) / (2 * 0.7 ** 2))
    density /= density.sum()
    mean = (density * mu).sum()
    assert abs(belief.mean[0, 0, 2] - mean) < 1e-10
    assert abs(belief.variance[0, 0, 2] - (density * (mu - mean) ** 2).sum()) < 1e-10
    assert belief.mean[0, 1, 0] == prior_mean and belief.variance[0, 1, 0] == 1


def test_samples_have_the_mean_and_the_spread_of_the_posterior():
    counts = np.array([[[[3, 0, 1]]]])
    one = Belief(counts, np.array([[[0.4]]]), np.array([[[0.25]]]))
    many = Belief(*(np.repeat(array, 200_000, 0) for array in one))
    P, R = posterior_sample(many, np.random.default_rng(0))
    p = posterior_mean(one, None)[0][0, 0, 0]
    assert np.allclose(p, [4 / 7, 1 / 7, 2 / 7], rtol=1e-15)
    error = np.sqrt(p * (1 - p) / 8)  # of one draw of Dirichlet(4, 1, 2): 7 + 1
    assert np.all(abs(P[:, 0, 0].mean(0) - p) < 4 * error / np.sqrt(200_000))
    assert np.allclose(P[:, 0, 0].std(0), error, rtol=0.02)
    assert abs(R.mean() - 0.4) < 4 * 0.5 / np.sqrt(200_000)
    assert abs(R.std() - 0.5) < 0.01


# ---- what planning earns

def test_greedy_pulls_of_two_gaussian_arms_earn_the_closed_form():
    # The first pull earns 1. It moves the arm's mean to m ~ N(1, 1/2), and the second
    # earns E max(m, 1) = 1 + sqrt(1/2) / sqrt(2 pi).
    mean, error = total(Planner(RandomMDP(1, 2, 1, 2), posterior_mean), 40_000)
    assert abs(mean - (2 + np.sqrt(0.5 / (2 * np.pi)))) < 4 * error


def test_posterior_samples_of_two_gaussian_arms_earn_the_closed_form():
    # Now the arm is chosen if m + N(0, 1/2) beats the other's N(1, 1):
    # 1 + E z Phi(z / sqrt(3/2)), z ~ N(0, 1/2), which is (1/2) / sqrt(2) / sqrt(2 pi).
    mean, error = total(Planner(RandomMDP(1, 2, 1, 2), posterior_sample), 40_000)
    assert abs(mean - (2 + 0.5 / np.sqrt(4 * np.pi))) < 4 * error


@pytest.mark.parametrize("imagine, prior_mean, published", PUBLISHED)
def test_each_baseline_earns_what_the_published_table_says(imagine, prior_mean,
                                                           published):
    mean, error = total(Planner(RandomMDP(), imagine, prior_mean), 2000)
    assert abs(mean - published) < 4 * error


class FirstOfEquals(Planner):
    def act(self, theta, memory, x, rng):
        act, memory = super().act(theta, memory, x, rng)
        state, t = x[:, :self.shape[0]].argmax(-1), (memory.clock - 1) % 10
        first = memory.Q[np.arange(len(x)), t, state].argmax(-1)
        return act._replace(action=first), memory


def test_taking_the_first_of_equals_costs_the_greedy_planner_several_points():
    mean, error = total(FirstOfEquals(RandomMDP(), posterior_mean), 2000)
    assert mean < 155.1 - 4 * error


def test_with_enough_experience_posterior_sampling_earns_the_ceiling():
    family = RandomMDP(2, 2, 3, 300, noise=0.5)
    planner = Planner(family)
    rng = np.random.default_rng(0)
    tasks = family.sample(400, rng)
    returns = planner.collect(None, tasks, rng).episode_returns(300)[..., 0]
    ceiling = tasks.oracle()
    late = returns[:, -100:].mean(1) - ceiling
    assert abs(late.mean()) < 0.05
    assert (returns[:, 0] - ceiling).mean() < -0.5


def test_nobody_earns_more_than_the_ceiling():
    family = RandomMDP(3, 2, 4, 6)
    tasks = family.sample(4000, np.random.default_rng(0))
    for imagine in (posterior_mean, posterior_sample):
        data = Planner(family, imagine).collect(None, tasks, np.random.default_rng(1))
        gap = data.episode_returns(6)[..., 0].mean(1) - tasks.oracle()
        assert gap.mean() < 4 * gap.std() / np.sqrt(len(gap))


# ---- how it acts

def test_a_plan_is_made_at_the_start_of_an_episode_and_kept_to_its_end():
    family, plans = RandomMDP(3, 2, 4, 5), []

    def imagine(belief, rng):
        plans.append(belief.counts.sum())
        return posterior_mean(belief, rng)

    live_once = Planner(family, imagine)
    rng = np.random.default_rng(0)
    rollout(live_once, None, family.sample(2, rng), trials=1, episodes=5, rng=rng)
    assert plans == [2 * 3 * e for e in range(5)]  # three of four steps are followed


def test_a_planner_that_replans_knows_each_step_at_once():
    family, plans = RandomMDP(3, 2, 4, 5), []

    def imagine(belief, rng):
        plans.append(belief.counts.sum())
        return posterior_mean(belief, rng)

    rng = np.random.default_rng(0)
    rollout(Planner(family, imagine, replans=True), None, family.sample(2, rng), trials=1,
            episodes=5, rng=rng)
    assert plans == [2 * (3 * e + t) for e in range(5) for t in range(4)]


def test_the_bonus_is_beta_over_one_and_the_number_of_rewards_if_the_noise_is_1():
    _, _, memory = live(Planner(RandomMDP(2, 3, 4, 5)), 6)
    belief = Planner(RandomMDP(2, 3, 4, 5)).belief(memory)
    (P, R), (expected, mean) = (
        imagine(belief, None) for imagine in (exploration_bonus(0.7), posterior_mean))
    assert np.array_equal(P, expected)
    assert np.allclose(R - mean, 0.7 / (1 + memory.visits), rtol=1e-12)


def test_replanning_and_a_bonus_are_worth_several_points_each():
    family = RandomMDP()
    plain, anew, bold = (total(Planner(family, imagine, replans=replans), 1000)
                         for imagine, replans in ((posterior_mean, False),
                                                  (posterior_mean, True),
                                                  (exploration_bonus(0.5), True)))
    for less, more in ((plain, anew), (anew, bold)):  # on the same worlds
        assert more[0] > less[0] + 1.5


def test_ties_are_broken_at_random_even_when_they_are_rounded():
    def imagine(belief, rng):
        R = np.array([1.0, 1.0 + TIE / 10, 1.0 - 10 * TIE])
        return np.ones((9000, 1, 3, 1)), np.broadcast_to(R, (9000, 1, 3))

    planner = Planner(RandomMDP(1, 3, 1, 2), imagine)
    act, _ = planner.act(None, planner.begin(None, 9000), np.ones((9000, 5)),
                         np.random.default_rng(0))
    shares = np.bincount(act.action, minlength=3) / 9000
    assert np.all(abs(shares - [0.5, 0.5, 0]) < 0.03) and shares[2] == 0


def test_acting_leaves_the_memory_it_was_given_as_it_was():
    planner = Planner(RandomMDP(2, 3, 4, 5))
    _, data, memory = live(planner, 3)
    before = [np.copy(array) for array in memory]
    planner.act(None, memory, data.x[:, 1, 0], np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(before, memory))


def test_the_first_input_is_the_state_and_nothing_else():
    planner = Planner(RandomMDP(3, 2, 4, 5))
    obs = np.eye(3)[[[2], [0]]]
    x = planner.see(obs, None, np.float32)
    assert x.shape == (2, 1, 6) and x.dtype == np.float32
    assert np.array_equal(x[..., :3], obs) and not x[..., 3:].any()
    last = np.array([[1], [0]]), np.array([[0.7], [-2.0]]), np.zeros((2, 1), bool)
    x = planner.see(obs, last, np.float64)
    assert x[:, 0, 3:].tolist() == [[0, 1, 0.7], [1, 0, -2.0]]


def test_nothing_is_counted_before_the_first_step():
    planner, plans = Planner(RandomMDP(2, 2, 3, 2)), []

    def imagine(belief, rng):
        plans.append(belief)
        return posterior_mean(belief, rng)

    first = Planner(planner.family, imagine)
    x = first.see(np.eye(2)[[[0]]], None, float)[0]
    _, memory = first.act(None, first.begin(None, 1), x, np.random.default_rng(0))
    assert not plans[0].counts.any() and np.all(plans[0].mean == 1)
    assert np.all(plans[0].variance == 1) and memory.clock == 1 and not memory.visits.any()


@pytest.mark.parametrize("imagine", [posterior_mean, posterior_sample,
                                     exploration_bonus(0.5)])
def test_a_planner_pickles_and_plans_as_before(imagine):
    planner = Planner(RandomMDP(2, 3, 4, 5), imagine)
    tasks = planner.family.sample(3, np.random.default_rng(0))
    one, other = (p.collect(None, tasks, np.random.default_rng(1))
                  for p in (planner, pickle.loads(pickle.dumps(planner))))
    assert np.array_equal(one.action, other.action)


@pytest.mark.parametrize("family", [
    RandomMDP(3, 2, 4, 5), RandomMDP(2, 3, 4, 5, noise=0.5), RandomMDP(2, 3, 9, 5),
    GridNavigation(4)], ids=str)
def test_tasks_of_a_family_that_a_planner_does_not_know_are_refused(family):
    planner = Planner(RandomMDP(2, 3, 4, 5))
    with pytest.raises(ValueError, match="must be of the family that the planner knows"):
        evaluate(planner, None, family, tasks=2)


def test_bad_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="prior_mean must be a finite number"):
        Planner(RandomMDP(), prior_mean=np.inf)
    with pytest.raises(ValueError, match="noise of the family must be a finite number"):
        Planner(RandomMDP(noise=0.0))
    with pytest.raises(ValueError, match="beta must be"):
        exploration_bonus(-1.0)
    with pytest.raises(TypeError, match="replans must be"):
        Planner(RandomMDP(), replans=1)
