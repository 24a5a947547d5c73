"""What is said of the estimators, in the mean over every trajectory of random MDPs.

The Hessian of the return is H = H1 + H2 + H12 + H12^T (Rothfuss et al. 2018), with

    H1  = E sum_t g_t g_t^T R_t                 g_t = grad log pi(a_t | s_t)
    H2  = E sum_t hess log pi(a_t | s_t) R_t    R_t the return to go
    H12 = E sum_t g_t (grad Q_t(s_t, a_t))^T

Here they are built from these formulas, with the derivatives of a softmax written down
anew, and share no code with the surrogates.
"""
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minimeta import EMAML, TabularPolicy
from minimeta.exact import all_trajectories, exact_return
from minimeta.objective import Objective
from minimeta.policy.categorical import softmax
from minimeta.objective.losses import OfActions
from minimeta.objective.surrogates import (Dice, LoadedDice, LogLikelihood, Ratio,
                                           discounts)
from minimeta.rl import Rollout, discounted
from minimeta.tasks import RandomMDP

MDPS = 20


class World(NamedTuple):
    """Random MDPs [K] with a theta each, all their trajectories, and the truth."""

    policy: TabularPolicy
    theta: np.ndarray
    data: Rollout
    p: np.ndarray        # [K, N]
    J: object            # the exact return at theta
    V: np.ndarray        # [K, T, N]  the exact value of the states on the way
    H1: np.ndarray       # [K, P, P]
    H2: np.ndarray
    H12: np.ndarray


def world(seed=0, K=MDPS, S=3, A=2, T=3):
    """All without a discount."""
    rng = np.random.default_rng(seed)
    tasks, policy = RandomMDP(S, A, T, 1).sample(K, rng), TabularPolicy(S, A)
    theta = rng.normal(size=(K, S * A))
    data, p = all_trajectories(policy, theta, tasks)
    objective = exact_return(tasks)
    scalar = objective.scalar
    pi = softmax(theta.reshape(K, S, A))
    g, hess = scores(pi, data.x, data.action)
    R = discounted(data.reward, 1.0)
    s = data.x.argmax(-1)
    k, t = np.arange(K)[:, None, None], np.arange(T)[:, None]
    grad_Q = np.stack([
        scalar.values(softmax((theta + 1e-30j * e).reshape(K, S, A)))[0].imag / 1e-30
        for e in np.eye(S * A)], -1)[k, t, s, data.action]
    V = scalar.values(pi)[1][k, t, s]
    mean = partial(np.einsum, "kn,ktn,ktnp,ktnq->kpq", p)
    one = np.ones_like(R)
    return World(policy, theta, data, p, objective.at(theta), V, mean(R, g, g),
                 np.einsum("kn,ktn,ktnpq->kpq", p, R, hess), mean(one, g, grad_Q))


def scores(pi, x, action):
    """grad log pi(a|s) [.., P] and its Hessian [.., P, P], of a table of logits. In the
    row of the state they are e_a - pi and -(diag pi - pi pi^T), elsewhere 0."""
    K, S, A = pi.shape
    row = np.einsum("ktns,ksa->ktna", x, pi)
    g = x[..., None] * (np.eye(A)[action] - row)[..., None, :]
    fisher = row[..., None] * np.eye(A) - row[..., None] * row[..., None, :]
    hess = -np.einsum("ktns,ktnr,ktnab->ktnsarb", x, x, fisher)
    return (g.reshape(x.shape[:3] + (S * A,)), hess.reshape(x.shape[:3] + 2 * (S * A,)))


def hessian(w, surrogate):
    """The Hessian [.., P, P] of a surrogate of the whole batch."""
    scalar = OfActions(w.policy, w.data.action, surrogate)
    at = Objective(w.policy, w.data.x, scalar).at(w.theta)
    basis = np.eye(w.theta.shape[-1])
    return np.stack([at.hvp(np.broadcast_to(e, w.theta.shape)) for e in basis], -1)


def mean_hessian(w, make, A=None):
    """E[Hessian] of make(A, l_old); A [K, T, N] is the return to go if None."""
    A = discounted(w.data.reward, 1.0) if A is None else A
    return hessian(w, make(A * w.p[:, None], w.data.log_prob))


def mean_dice(w):
    """Dice is made of rewards, not of advantages."""
    return mean_hessian(w, Dice, w.data.reward)


def exact_hessian(w):
    return np.stack([w.J.hvp(np.broadcast_to(e, w.theta.shape))
                     for e in np.eye(w.theta.shape[-1])], -1)


def error(estimate, truth):
    """Relative to the norm of the truth, the worst MDP's and the best's."""
    gap = np.linalg.norm(estimate - truth, axis=(-2, -1))
    relative = gap / np.linalg.norm(truth, axis=(-2, -1))
    return relative.max(), relative.min()


# ---- what each estimator's Hessian is in the mean

@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), S=st.integers(2, 4), A=st.integers(2, 3),
       T=st.integers(1, 3))
def test_the_three_parts_are_the_hessian_and_each_estimator_has_its_own(seed, S, A, T):
    w = world(seed, 2, S, A, T)
    H = exact_hessian(w)
    for estimate, truth in (
            (w.H1 + w.H2 + w.H12 + w.H12.swapaxes(-1, -2), H),
            (mean_hessian(w, lambda A, l: LogLikelihood(A)), w.H2),
            (mean_hessian(w, Ratio), w.H1 + w.H2),
            (mean_dice(w), H),
            (mean_hessian(w, LoadedDice), H)):
        scale = np.linalg.norm(w.H1, axis=(-2, -1)) + np.linalg.norm(H, axis=(-2, -1))
        assert np.all(np.linalg.norm(estimate - truth, axis=(-2, -1)) < 1e-10 * scale)


def test_on_twenty_mdps_dice_is_right_and_the_others_are_wrong_on_every_one():
    w = world()
    H = exact_hessian(w)
    assert error(mean_dice(w), H)[0] < 1e-10
    assert error(mean_hessian(w, LoadedDice), H)[0] < 1e-10
    assert error(mean_hessian(w, Ratio), w.H1 + w.H2)[0] < 1e-10
    assert error(mean_hessian(w, lambda A, l: LogLikelihood(A)), w.H2)[0] < 1e-10
    for make in (Ratio, lambda A, l: LogLikelihood(A)):
        assert error(mean_hessian(w, make), H)[1] > 0.01


class EveryActionWeighsEveryReward(Dice):
    """The likelihood ratio of a whole episode in place of the actions so far."""

    def weighted(self, l):
        return self.r * np.exp((l - self.l_old).sum(-2, keepdims=True))

    def grad(self, l):
        return np.broadcast_to(self.weighted(l).sum(-2, keepdims=True), l.shape)

    def hvp(self, l, l_dot):
        return self.grad(l) * l_dot.sum(-2, keepdims=True)


class NoActionsBefore(Dice):
    """Each reward is weighted by the ratio of its own action: the ratio of rewards."""

    def hvp(self, l, l_dot):
        return self.weighted(l) * l_dot


def test_a_planted_bug_is_caught_and_what_only_adds_noise_is_not():
    w = world()
    H, r = exact_hessian(w), w.data.reward
    assert error(mean_hessian(w, NoActionsBefore, r), H)[0] > 0.1
    assert error(mean_hessian(w, Dice, discounted(r, 1.0)), H)[0] > 0.1  # not rewards
    assert error(mean_hessian(w, EveryActionWeighsEveryReward, r), H)[0] < 1e-10


def test_the_log_likelihood_is_worse_than_no_hessian_the_ratio_is_better():
    w = world()
    H = exact_hessian(w)

    def distance(estimate):
        return np.linalg.norm(estimate - H) / np.linalg.norm(H)

    assert distance(w.H2) > 1 > distance(w.H1 + w.H2)  # 1: a Hessian of zero


def test_loaded_dice_lies_between_the_ratio_and_dice():
    w = world()
    H = exact_hessian(w)
    gaps = [np.linalg.norm(mean_hessian(w, partial(LoadedDice, lam=lam)) - H,
                           axis=(-2, -1)) for lam in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert np.all(np.diff(gaps, axis=0) < 0) and gaps[-1].max() < 1e-10
    assert error(mean_hessian(w, partial(LoadedDice, lam=0.0)), w.H1 + w.H2)[0] < 1e-10


def test_with_one_step_to_an_episode_the_ratio_is_right_too():
    w = world(T=1, S=2, A=3)
    assert not w.H12.any()
    assert error(mean_hessian(w, Ratio), exact_hessian(w))[0] < 1e-10


def test_a_baseline_moves_the_log_likelihood_alone():
    w = world()
    A = discounted(w.data.reward, 1.0) - w.V
    for make in (Ratio, LoadedDice):
        assert error(mean_hessian(w, make, A), mean_hessian(w, make))[0] < 1e-10
    make = lambda A, l: LogLikelihood(A)
    assert error(mean_hessian(w, make, A), w.H2)[1] > 0.01


def test_dice_of_one_trajectory_scatters_more_than_the_ratio_does():
    w = world()
    K, T, N = w.data.reward.shape
    apart = w._replace(  # every trajectory a task of its own
        theta=np.repeat(w.theta, N, 0),
        data=Rollout(*(np.moveaxis(a, 2, 1).reshape((K * N, T, 1) + a.shape[3:])
                       for a in vars(w.data).values())))
    G = discounted(apart.data.reward, 1.0)

    def spread(make):
        H = hessian(apart, make(G, apart.data.log_prob))
        H = H.reshape((K, N) + H.shape[1:])
        centre = np.einsum("kn,knpq->kpq", w.p, H)
        square = ((H - centre[:, None]) ** 2).sum((-2, -1))
        return np.sqrt((w.p * square).sum(-1)) / np.linalg.norm(centre, axis=(-2, -1))

    ratio, dice = spread(Ratio), spread(LoadedDice)
    assert np.median(dice / ratio) > 1.1
    assert np.median(spread(lambda A, l: LogLikelihood(A)) / ratio) < 0.5


# ---- with a discount

def discounted_truth(w, gamma, T):
    """The exact gradient and Hessian of E sum gamma^t r_t, in the same MDPs."""
    tasks = RandomMDP(3, 2, T, 1).sample(MDPS, np.random.default_rng(0))
    at = exact_return(tasks, gamma=gamma).at(w.theta)
    return at.grad, exact_hessian(w._replace(J=at))


def gradient(w, make, A):
    """The gradient of make(A, l_old) in the mean."""
    scalar = OfActions(w.policy, w.data.action, make(A * w.p[:, None], w.data.log_prob))
    return Objective(w.policy, w.data.x, scalar).at(w.theta).grad


def gap(estimate, truth):
    """Relative to the truth, over all MDPs together."""
    return np.linalg.norm(estimate - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize("gamma", [0.99, 0.9, 0.5, 0.0])
def test_advantages_times_gamma_to_the_t_make_gradient_and_hessian_exact(gamma):
    w = world(T=4)
    g, H = discounted_truth(w, gamma, T=4)
    r, weights = w.data.reward, discounts(w.data.end, gamma)
    A = weights * discounted(r, gamma)
    assert gap(gradient(w, Dice, weights * r), g) < 1e-12
    assert gap(mean_hessian(w, Dice, weights * r), H) < 1e-12
    assert gap(mean_hessian(w, LoadedDice, A), H) < 1e-12
    for make in (Ratio, LogLikelihood, LoadedDice):
        assert gap(gradient(w, ignoring(make), A), g) < 1e-12


def ignoring(make):
    """LogLikelihood has no l_old."""
    return (lambda A, l: LogLikelihood(A)) if make is LogLikelihood else make


@pytest.mark.parametrize("gamma, low, high", [(0.99, 0.014, 0.018), (0.9, 0.15, 0.19)])
def test_without_gamma_to_the_t_the_hessian_of_dice_is_off(gamma, low, high):
    w = world(T=4)
    g, H = discounted_truth(w, gamma, T=4)
    A = discounted(w.data.reward, gamma)
    assert low < gap(mean_hessian(w, LoadedDice, A), H) < high
    assert low < gap(gradient(w, Ratio, A), g) < high


# ---- E-MAML's sampling term

def pairs(w):
    """All batches of two trajectories: [K N^2, T, 2], probability, and which MDP."""
    K, T, N = w.data.reward.shape
    k = np.repeat(np.arange(K), N * N)
    i, j = (np.tile(a.ravel(), K) for a in np.indices((N, N)))
    data = Rollout(*(np.stack([a[k, :, i], a[k, :, j]], 2)
                     for a in vars(w.data).values()))
    return data, w.p[k, i] * w.p[k, j], k


def test_the_term_of_e_maml_is_the_score_function_sum_on_twenty_mdps():
    S, A, T, alpha = 2, 2, 2, 0.7
    rng = np.random.default_rng(0)
    tasks = RandomMDP(S, A, T, 1).sample(MDPS, rng)
    w = world(S=S, A=A, T=T)
    data, p, k = pairs(w)
    learner = EMAML(w.policy, alpha=alpha, gamma=1.0, baseline="none", normalise=False)
    exact = exact_return(tasks[k])
    steps = learner.adaptation(learner.inner_losses([data]))

    def after(theta):
        """J(phi) for each batch, which is frozen; theta [K, P]."""
        return exact.at(steps.at(theta[k]).phi).value

    def expected(theta):
        """E[J(phi)]: what the whole gradient is the gradient of."""
        u, _ = w.policy.split(w.policy.forward(theta[k], data.x)[0])
        l = w.policy.head.log_prob(u, data.action)
        ratio = np.exp((l - data.log_prob).sum((1, 2)))
        return sums((p * ratio * after(theta))[:, None], k)[:, 0]

    R = after(w.theta)
    g, _ = scores(softmax(w.theta[k].reshape(-1, S, A)), data.x, data.action)
    by_sum = sums((p * R)[:, None] * g.sum((1, 2)), k)
    point = Objective(w.policy, data.x, learner.score(data, R)).at(w.theta[k])
    term = -sums(p[:, None] * point.grad, k)
    assert np.abs(term - by_sum).max() < 1e-10 * np.abs(by_sum).max()

    def gradient(f):
        columns = [f(w.theta + 1e-30j * e).imag / 1e-30 for e in np.eye(S * A)]
        return np.stack(columns, -1)

    whole, through = gradient(expected), sums(p[:, None] * gradient(after), k)
    assert np.abs(through + term - whole).max() < 1e-10 * np.abs(whole).max()
    gap = np.linalg.norm(through - whole, axis=-1) / np.linalg.norm(whole, axis=-1)
    assert gap.min() > 0.01  # without the term: what MAML has


def sums(rows, k):
    """Rows [n, P] added up for each MDP: [K, P]."""
    return np.stack([rows[k == i].sum(0) for i in range(k.max() + 1)])
