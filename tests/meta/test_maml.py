"""MAML and E-MAML: the sampling term against enumeration, and that they learn."""
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from minimeta import (EMAML, MAML, Gaussian, MLPPolicy, Reinforce, TabularPolicy, evaluate,
                      meta_train)
from minimeta.rl import Rollout
from minimeta.tasks import PointNavigation

# A world of two steps: from the first state action a leads to state 1 + a, and the action there
# earns what PAYS says. Nothing is random but the policy.
POLICY = TabularPolicy(3, 2)
PAYS = np.array([[1.0, -0.5], [0.2, 2.0]])
SETTINGS = dict(alpha=0.7, gamma=1.0, baseline="none", normalise=False, outer="log-likelihood",
                dtype=np.float64)


def log_probs(theta):
    """log pi(a | s) of a table theta [6], complex or not: [3, 2]."""
    u = theta.reshape(3, 2)
    return u - np.log(np.exp(u).sum(-1, keepdims=True))


def probability(theta, episodes):
    """Of N episodes, each a pair (a_0, a_1)."""
    l = log_probs(theta)
    return np.exp(sum(l[0, a] + l[1 + a, b] for a, b in episodes))


def expected_return(theta, gamma=1.0):
    p = np.exp(log_probs(theta))
    return gamma * (p[0][:, None] * p[1:] * PAYS).sum()


def played(theta, episodes):
    """The episodes as a Rollout of one task."""
    first, second = (np.array(a) for a in zip(*episodes))
    states = np.stack([np.zeros_like(first), 1 + first])
    action = np.stack([first, second])[None]
    x = (states[None, ..., None] == np.arange(3)).astype(float)
    reward = np.stack([0.0 * first, PAYS[first, second]])[None]
    end = np.zeros(action.shape, bool)
    end[:, -1] = True
    l = log_probs(theta)[states[None], action]
    return Rollout(x, action, reward, l, 0 * l, end, np.ones(action.shape, bool))


def batches(N):
    """All that N episodes can be."""
    return list(product(product(range(2), range(2)), repeat=N))


def ways(learner, theta, N, rounds, at=None):
    """All histories of `rounds` batches of N episodes, each with the phi that it leads to and
    its probability. The data are frozen at theta; `at` is where phi is computed."""
    at = theta if at is None else at
    histories = [([], theta, at, 1.0)]
    for _ in range(rounds):
        longer = []
        for history, frozen, phi, p in histories:
            for episodes in batches(N):
                data = [*history, played(frozen, episodes)]
                steps = learner.adaptation(learner.inner_losses(data))
                longer.append((data, steps.at(theta[None]).phi[0], steps.at(at[None]).phi[0],
                               p * probability(phi, episodes)))
        histories = longer
    return histories


def truth(learner, theta, N, rounds):
    """The gradient of E[return of phi(theta, D)] over all D, by a complex step in each
    coordinate: both the probability of D and phi depend on theta."""
    def value(at):
        return sum(p * expected_return(phi, learner.gamma)
                   for _, _, phi, p in ways(learner, theta, N, rounds, at))
    return np.array([value(theta + 1e-30j * e).imag / 1e-30 for e in np.eye(6)])


def mean_estimate(learner, theta, N, rounds):
    """Minus the learner's meta-gradient, a mean over all D and all batches after them."""
    total = 0
    for history, phi, _, p in ways(learner, theta, N, rounds):
        for episodes in batches(N):
            _, grad = learner.meta_gradient(theta, history, played(phi, episodes))
            total = total - p * probability(phi, episodes) * grad
    return total


@pytest.mark.parametrize("N, rounds", [(1, 1), (2, 1), (1, 2)])
def test_e_maml_in_the_mean_is_the_whole_gradient_and_its_term_has_coefficient_1(N, rounds):
    theta = np.random.default_rng(N).normal(size=6)
    learner = EMAML(POLICY, trials=N, rounds=rounds, **SETTINGS)
    exact = truth(learner, theta, N, rounds)
    estimate = mean_estimate(learner, theta, N, rounds)
    assert np.linalg.norm(estimate - exact) < 1e-12 * np.linalg.norm(exact)
    # Plain MAML lacks the term, and it is not small.
    plain = mean_estimate(MAML(POLICY, trials=N, rounds=rounds, **SETTINGS), theta, N, rounds)
    assert np.linalg.norm(plain - exact) > 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize("gamma", [0.9, 0.5])
def test_at_a_discount_e_maml_is_whole_if_steps_are_discounted_and_is_not_otherwise(gamma):
    theta = np.random.default_rng(1).normal(size=6)
    settings = SETTINGS | {"gamma": gamma, "trials": 1}
    learner = EMAML(POLICY, discount_steps=True, **settings)
    exact = truth(learner, theta, 1, 1)
    assert np.linalg.norm(mean_estimate(learner, theta, 1, 1) - exact) \
        < 1e-12 * np.linalg.norm(exact)
    usual = EMAML(POLICY, **settings)
    exact = truth(usual, theta, 1, 1)
    assert np.linalg.norm(mean_estimate(usual, theta, 1, 1) - exact) \
        > 0.05 * np.linalg.norm(exact)


def together(one, other):
    """Rollouts of two tasks as one."""
    return Rollout(*(np.concatenate([getattr(one, f), getattr(other, f)])
                     for f in Rollout.__dataclass_fields__))


def test_tasks_that_earn_nothing_keep_their_credit(monkeypatch):
    # Two tasks of one episode each, whose returns are often 0: the credit of a task that earned
    # nothing is minus what the other earned. The mean over all that can happen is the gradient.
    monkeypatch.setitem(globals(), "PAYS", np.array([[0.0, 0.0], [0.0, 1.0]]))
    theta = np.random.default_rng(3).normal(size=6)
    learner = EMAML(POLICY, trials=1, **SETTINGS)
    one_task, total = list(ways(learner, theta, 1, 1)), 0
    played_on = [(history[0], played(phi, [episode]), p * probability(phi, [episode]))
                 for history, phi, _, p in one_task for episode, in batches(1)]
    for D, after, p in played_on:
        for other_D, other_after, q in played_on:
            _, grad = learner.meta_gradient(
                theta, [together(D, other_D)], together(after, other_after))
            total = total - p * q * grad
    exact = truth(learner, theta, 1, 1)
    assert np.linalg.norm(total - exact) < 1e-12 * np.linalg.norm(exact)


def test_the_credit_is_the_return_less_that_of_the_other_tasks():
    rng = np.random.default_rng(0)
    theta = rng.normal(size=6)
    some = [played(theta, episodes) for episodes in (batches(2)[i] for i in (1, 6, 11))]
    data = Rollout(*(np.concatenate([getattr(d, f) for d in some])
                     for f in Rollout.__dataclass_fields__))
    R = data.reward.sum(1).mean(-1)
    credit = EMAML(POLICY, **SETTINGS).credit(data)
    expected = R - np.array([R[1] + R[2], R[0] + R[2], R[0] + R[1]]) / 2
    assert np.abs(credit - expected).max() < 1e-15 and np.abs(credit).max() > 0.1


def test_the_credit_is_in_the_units_of_normalised_advantages():
    # Normalised, A is (return to go - mean) / std, a mean over steps: one reward more in every
    # episode counts B / (n std).
    rng = np.random.default_rng(0)
    theta = rng.normal(size=6)
    data = played(theta, batches(3)[17])
    learner = EMAML(POLICY, **SETTINGS | {"normalise": True})
    A = learner.advantages(data)
    assert learner.unit(data) == pytest.approx(3 / (A.size * A.std()), rel=1e-12)
    assert replace(learner, normalise=False).unit(data) == 1


def test_two_tasks_have_the_difference_of_their_returns_as_credit():
    theta = np.zeros(6)
    data = together(*(played(theta, batches(2)[i]) for i in (1, 11)))
    R = data.reward.sum(1).mean(-1)
    assert EMAML(POLICY, **SETTINGS).credit(data) == pytest.approx([R[0] - R[1], R[1] - R[0]])


def test_credit_counts_each_reward_from_the_first_step_on_at_its_discount():
    data = played(np.zeros(6), batches(2)[6])
    reward = np.arange(4.0).reshape(1, 2, 2) + 1            # at the first step too
    learner = EMAML(POLICY, **SETTINGS | {"gamma": 0.5})
    credit = learner.credit(replace(data, reward=reward))
    assert credit[0] == pytest.approx((reward[0, 0] + 0.5 * reward[0, 1]).mean(), rel=1e-15)


def test_without_any_reward_there_is_no_credit():
    data = played(np.zeros(6), batches(2)[3])
    nothing = replace(data, reward=0 * data.reward)
    assert not EMAML(POLICY, **SETTINGS | {"normalise": True}).credit(nothing).any()


def ragged(theta):
    """Two tasks of two episodes each, of 3 and 1 and of 3 and 3 steps."""
    mask = np.ones((2, 3, 2), bool)
    mask[0, 1:, 1] = False
    end = np.zeros(mask.shape, bool)
    end[:, 2] = True
    end[0, :, 1] = [True, False, False]
    reward = np.array([[[3.0, 0], [0, 0], [3, 0]], [[2, 2], [2, 2], [2, 4]]])
    states, action = np.array([0, 1, 2])[None, :, None], np.array([[[0, 1], [1, 0], [1, 0]],
                                                                  [[1, 0], [0, 1], [1, 1]]])
    x = ((states == np.arange(3)[:, None, None, None]) & mask).astype(float)
    l = log_probs(theta)[np.broadcast_to(states, mask.shape), action]
    return Rollout(np.moveaxis(x, 0, -1), action * mask, reward, l * mask, 0 * l, end, mask)


def test_the_unit_counts_the_steps_that_were_taken_and_the_spread_within_each_task():
    # Returns to go: 6 3 3 and 0, mean 3, squares of the rest 9 + 9; and 6 4 2 and 8 6 4, mean 5,
    # squares 1 + 1 + 9 + 9 + 1 + 1. Of 10 steps: std = sqrt(40 / 10) = 2. A task has 5 steps in
    # the mean, and B = 2, so unit = 2 / (5 * 2).
    data = ragged(np.zeros(6))
    learner = EMAML(POLICY, **SETTINGS | {"normalise": True})
    A = learner.advantages(data)
    assert A[0, :, 0].tolist() == [6, 3, 3] and A[1, :, 1].tolist() == [8, 6, 4]
    assert learner.unit(data) == pytest.approx(0.2, rel=1e-14)
    # The returns are 3 and 7, and each is held against the other.
    assert learner.credit(data) == pytest.approx([0.2 * (3 - 7), 0.2 * (7 - 3)], rel=1e-14)


@pytest.mark.parametrize("normalise", [False, True])
def test_tasks_of_equal_returns_have_no_credit_although_their_steps_differ(normalise):
    one, other = (played(np.zeros(6), batches(2)[i]) for i in (6, 9))  # the same two, exchanged
    learner = EMAML(POLICY, **SETTINGS | {"normalise": normalise})
    data = together(one, other)
    assert data.reward.any() and learner.unit(data) > 0
    assert learner.credit(data).tolist() == [0, 0]
    assert learner.credit(one).item() != 0  # alone, it is held against 0


def test_if_every_step_is_as_good_as_every_other_the_unit_and_the_credit_are_zero():
    data = played(np.zeros(6), batches(3)[0])
    equal = replace(data, reward=np.array([[[0.0] * 3, [0.7] * 3]]))  # 0.7 to go at each step
    assert EMAML(POLICY, **SETTINGS).credit(equal) == pytest.approx([0.7])
    learner = EMAML(POLICY, **SETTINGS | {"normalise": True})
    assert learner.unit(equal) == 0 and learner.credit(equal).tolist() == [0]


@pytest.mark.parametrize("pays", [(1e9, 1.0), (1.0, 1e9)])
def test_rounding_is_relative_to_the_task_that_pays_most(pays):
    one = played(np.zeros(6), batches(3)[0])
    same = [replace(one, reward=np.array([[[0.0] * 3, [pay / 3 + 0.1] * 3]])) for pay in pays]
    data = together(*same)
    off = replace(data, reward=data.reward + 1e-7 * np.arange(3))   # rounding, beside 1e9
    learner = EMAML(POLICY, **SETTINGS | {"normalise": True})
    assert learner.unit(data) == learner.unit(off) == 0
    small = same[pays.index(1.0)]
    assert learner.unit(replace(small, reward=small.reward + 1e-7 * np.arange(3))) > 0


def test_the_score_counts_each_step_that_was_taken_and_none_after_the_end():
    theta, credit = np.random.default_rng(4).normal(size=6), np.array([0.5, -2.0])
    D = ragged(theta)
    score = EMAML(POLICY, **SETTINGS).score(D, credit)
    y, _ = POLICY.forward(np.stack([theta, theta]), D.x)
    l = [D.log_prob[k][D.mask[k]].sum() for k in range(2)]
    assert score.value(y) == pytest.approx([-0.5 * l[0], 2.0 * l[1]], rel=1e-14)
    y_bar = score.grad(y)
    assert y_bar[D.mask].any(-1).all() and not y_bar[~D.mask].any()
    other = np.where(D.mask[..., None], y, 7.0 * np.arange(2))
    assert np.array_equal(score.value(other), score.value(y))
    assert np.array_equal(score.grad(other), y_bar)


@pytest.mark.parametrize("learner", [MAML, EMAML])
def test_a_meta_loss_holds_the_adaptation_and_the_outer_loss_at_phi(learner):
    theta = np.random.default_rng(5).normal(size=6)
    learner = learner(POLICY, rounds=2, **SETTINGS)
    history = [together(*(played(theta, batches(2)[i]) for i in pair))
               for pair in ((1, 6), (11, 4))]
    data, shared = ragged(theta), np.stack([theta, theta])
    (inner, outer, *scores), = learner.problems(theta, history, data)
    loss = learner.meta_loss(shared, inner, outer, *scores)
    between = shared - 0.7 * inner[0].at(shared).grad
    phi = between - 0.7 * inner[1].at(between).grad
    assert np.abs(phi - shared).max() > 1e-2
    assert np.array_equal(loss.adapted.theta, shared) and np.array_equal(loss.adapted.phi, phi)
    assert np.array_equal(loss.outer.theta, phi)
    assert np.array_equal(loss.outer.value, outer.at(phi).value)
    assert np.array_equal(loss.outer.grad, outer.at(phi).grad)
    # The value of MAML is the outer one; E-MAML adds the scores along the path.
    added = sum(score.value(POLICY.forward(at, D.x)[0]) for score, at, D in
                zip(*scores, (shared, between), history)) if scores else 0
    assert np.abs(loss.value - (loss.outer.value + added)).max() < 1e-13
    assert (np.abs(loss.value - loss.outer.value).max() > 1e-2) == bool(scores)


def test_the_inner_estimator_of_e_maml_cannot_be_chosen():
    assert EMAML(POLICY).inner == "log-likelihood"
    for inner in ("ratio", "log-likelihood"):
        with pytest.raises(TypeError, match="inner"):
            EMAML(POLICY, inner=inner)
    assert MAML(POLICY, inner="ratio").inner == "ratio"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_maml_learns_to_adapt_and_beats_the_pretrained_policy_after_one_step(seed):
    family = PointNavigation(horizon=8, max_step=0.2)
    policy = MLPPolicy(2, Gaussian(2), (16,))
    settings = dict(alpha=0.3, trials=20, gamma=0.95, rate=1e-2)
    after = []
    for learner in (MAML(policy, **settings), Reinforce(policy, **settings)):
        result = meta_train(learner, family, iterations=60, tasks=10, seed=seed)
        after.append(evaluate(learner, result.theta, family, tasks=60, seed=9, rounds=1))
    maml, pretrained = after
    assert maml.mean[1] > maml.mean[0] + 1.0
    assert maml.mean[1] > pretrained.mean[1] + 0.4
