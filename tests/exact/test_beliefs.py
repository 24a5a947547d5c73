"""Exact beliefs: Bayes' rule by enumeration of tasks, or by an integral that is exact."""
import pickle

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from minimeta import RL2, Categorical, LinearSchedule, MLPPolicy, RecurrentPolicy, evaluate, \
    meta_train
from minimeta.exact import bayes_optimal_bandit, belief_oracle, exact_belief, posteriors
from minimeta.exact.belief_oracle import Believer
from minimeta.rivals import Planner
from minimeta.rl import rollout
from minimeta.tasks import (BernoulliBandit, DependentBandit, GridNavigation, InformativeBandit,
                            PointNavigation, RandomMDP, RestlessBandit, TwoStep)
from minimeta.tasks.bandits import BETTER
from minimeta.tasks.gridworld import GridTasks
from minimeta.testing import check_policy

FAMILIES = [BernoulliBandit(3, 8), DependentBandit("easy", 7), DependentBandit("hard", 6),
            DependentBandit("uniform", 7), DependentBandit("independent", 6), InformativeBandit(6),
            TwoStep(5), GridNavigation(3, 7, 3), GridNavigation(4, 6, 2, walls=((1, 2),)),
            GridNavigation(3, 4, 2, sees="row and column"), RandomMDP(2, 3, 4, 3, noise=0.7)]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=str)


def play(family, K=5, B=4, seed=0):
    """Random play, and the beliefs before each step and after the last."""
    rng = np.random.default_rng(seed)
    policy = MLPPolicy(family.obs_size, Categorical(family.action.n), (2,))
    tasks = family.sample(K, rng)
    data = rollout(policy, 0 * policy.init(rng), tasks, trials=B, episodes=family.episodes, rng=rng)
    return tasks, data, posteriors(exact_belief(family), data)


def uniform_integral(n=40):
    """Points and weights of Gauss's rule on [0, 1], exact for polynomials of degree 2 n - 1."""
    x, w = leggauss(n)
    return (x + 1) / 2, w / 2


def means_of_p(action, reward, arms):
    """E[p of each arm | trial], by Bayes' rule on the points of the integral."""
    p, w = uniform_integral()
    for arm in range(arms):
        paid = reward[action == arm]
        weight = w * p ** paid.sum() * (1 - p) ** (len(paid) - paid.sum())
        yield (weight * p).sum() / weight.sum()


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[4]], ids=str)
def test_the_belief_in_an_arm_is_the_integral_of_bayes_rule(family):
    _, data, found = play(family)
    for k, t, b in [(0, 0, 0), (1, 3, 2), (4, 5, 1), (3, family.pulls, 3)]:
        exact = list(means_of_p(data.action[k, :t, b], data.reward[k, :t, b], family.arms))
        assert np.allclose(found[k, t, b], exact, rtol=1e-13)


@pytest.mark.parametrize("kind", ["easy", "medium", "hard", "uniform"])
def test_the_belief_in_dependent_arms_is_bayes_rule_over_p1(kind):
    family = DependentBandit(kind, 9)
    _, data, found = play(family)
    p, w = uniform_integral() if kind == "uniform" else (
        np.array([BETTER[kind], 1 - BETTER[kind]]), np.ones(2))
    for k, t, b in [(0, 0, 0), (1, 4, 2), (4, 9, 1)]:
        weight = w.copy()
        for action, reward in zip(data.action[k, :t, b], data.reward[k, :t, b]):
            pays = p if action == 0 else 1 - p
            weight = weight * (pays if reward else 1 - pays)
        p1 = (weight * p).sum() / weight.sum()
        assert np.allclose(found[k, t, b], [p1, 1 - p1], rtol=1e-12)


def test_the_belief_in_a_target_is_uniform_over_the_tasks_that_pay_the_same():
    family = InformativeBandit(6)
    _, data, found = play(family, B=9)
    everything = np.ones((10, 11))
    everything[np.arange(10), np.arange(10)] = 5
    everything[:, -1] = np.arange(1, 11) / 10
    for k, t, b in np.ndindex(5, 7, 9):
        pays = everything[:, data.action[k, :t, b]]
        fits = (abs(pays - data.reward[k, :t, b]) < 1e-9).all(1)
        assert np.allclose(found[k, t, b], fits / fits.sum(), rtol=1e-13)
    assert (found.max(-1) == 1).any()


def test_the_belief_in_the_two_step_task_is_bayes_rule_over_two_tasks():
    _, data, found = play(TwoStep(5))
    for k, t, b in np.ndindex(5, 11, 4):
        weight = np.ones(2)
        for s in range(1, t, 2):
            where = data.x[k, s, b, 1:3].argmax()
            p = np.where(np.arange(2) == where, 0.9, 0.1)
            weight *= p if data.reward[k, s, b] else 1 - p
        assert np.allclose(found[k, t, b], weight / weight.sum(), rtol=1e-12)


@pytest.mark.parametrize("family", [f for f in FAMILIES if isinstance(f, GridNavigation)], ids=str)
def test_the_belief_in_a_goal_is_uniform_over_the_goals_that_pay_the_same(family):
    """Each goal is simulated under the same actions."""
    _, data, found = play(family)
    goals = np.array(family.goal_cells) @ [family.size, 1]
    every, rng = GridTasks(family, goals), np.random.default_rng(0)
    for k, b in [(0, 0), (2, 3), (4, 1)]:
        fits = np.ones(len(goals), bool)
        state = None
        for t in range(family.horizon * family.episodes + 1):
            exact = np.zeros(family.size ** 2)
            exact[goals] = fits / fits.sum()
            assert np.allclose(found[k, t, b], exact, rtol=1e-13)
            if t == data.reward.shape[1]:
                break
            if t % family.horizon == 0:
                state, _ = every.reset(1, rng)
            action = np.full((len(goals), 1), data.action[k, t, b])
            state, _, reward, _ = every.step(state, action, rng)
            fits &= reward[:, 0] == data.reward[k, t, b]
    assert (found.max(-1) > 0.99).any() and (found.max(-1) < 0.3).any()


def test_the_belief_in_a_next_state_is_the_integral_of_bayes_rule():
    family = RandomMDP(2, 3, 4, 3, noise=0.7)
    _, data, found = play(family)
    p, w = uniform_integral()   # P[s, a] = (p, 1 - p): a flat Dirichlet of two states
    for k, b in [(0, 1), (3, 2)]:
        weight = np.broadcast_to(w, (2, 3, len(w))).copy()
        for t in range(12):
            s, a = data.x[k, t, b].argmax(), data.action[k, t, b]
            if not data.end[k, t, b]:
                follows = data.x[k, t + 1, b].argmax()
                weight[s, a] *= p if follows == 0 else 1 - p
        exact = (weight * p).sum(-1) / weight.sum(-1)
        assert np.allclose(found[k, -1, b, ..., 0], exact, rtol=1e-12)
        assert np.allclose(found[k, -1, b].sum(-1), 1, rtol=1e-13)


def test_the_belief_in_a_reward_is_the_product_of_prior_and_likelihoods():
    family = RandomMDP(2, 3, 4, 3, noise=0.7)
    _, data, _ = play(family)
    belief = exact_belief(family)
    state, where = belief.begin(5, 4), np.linspace(-9, 11, 20_001)
    for t in range(12):
        state = belief.update(state, data.x[:, (t + 1) % 12], data.action[:, t], data.reward[:, t],
                              data.end[:, t])
    mean, variance = belief.rewards(state)
    for k, b, s, a in [(0, 1, 0, 2), (3, 2, 1, 1), (4, 0, 0, 0)]:
        there = (data.x[k, :, b].argmax(-1) == s) & (data.action[k, :, b] == a)
        log_p = -(where - 1) ** 2 / 2 - sum(
            (r - where) ** 2 / 2 / 0.49 for r in data.reward[k, there, b])
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        assert abs(p @ where - mean[k, b, s, a]) < 1e-9
        assert abs(p @ where ** 2 - (p @ where) ** 2 - variance[k, b, s, a]) < 1e-9


def test_the_belief_in_a_world_is_what_a_planner_believes():
    family = RandomMDP(3, 2, 4, 3)
    planner, rng = Planner(family), np.random.default_rng(0)
    data = planner.collect(None, family.sample(6, rng), rng)
    memory = planner.begin(None, 6)
    for t in range(12):
        _, memory = planner.act(None, memory, data.x[:, t, 0], rng)
    theirs, belief = planner.belief(memory), exact_belief(family)
    state = belief.begin(6, 1)
    for t in range(11):
        state = belief.update(state, data.x[:, t + 1, :, :3], data.action[:, t], data.reward[:, t],
                              data.end[:, t])
    mean, variance = belief.rewards(state)
    assert np.array_equal(state[0][:, 0], theirs.counts)
    assert np.allclose(mean[:, 0], theirs.mean) and np.allclose(variance[:, 0], theirs.variance)


@every_family
def test_probabilities_are_in_their_range_and_features_are_near_one(family):
    belief = exact_belief(family)
    _, data, found = play(family, K=7)
    assert np.all(found >= 0) and np.all(found <= 1)
    if not isinstance(family, (BernoulliBandit, DependentBandit)):
        assert np.allclose(found.sum(-1), 1, rtol=1e-12)
    features = belief.features(belief.begin(7, 4))
    assert features.shape == (7, 4, belief.n_features) and abs(features).max() < 2


def after_trial(family, **options):
    """A rollout of random play, and the state of the belief after it."""
    _, data, _ = play(family, **options)
    belief, T = exact_belief(family), data.reward.shape[1]
    state = belief.begin(*data.mask[:, 0].shape)
    for t in range(T):
        state = belief.update(state, data.x[:, (t + 1) % T], data.action[:, t], data.reward[:, t],
                              data.end[:, t])
    return data, belief, state


def test_the_features_of_an_arm_are_the_mean_and_the_spread_of_its_posterior():
    data, belief, state = after_trial(BernoulliBandit(3, 8))
    features = belief.features(state)
    assert features.shape == (5, 4, 6)
    p, w = uniform_integral()
    for k, b, arm in np.ndindex(5, 4, 3):
        paid = data.reward[k, :, b][data.action[k, :, b] == arm]
        weight = w * p ** paid.sum() * (1 - p) ** (len(paid) - paid.sum())
        mean = (weight * p).sum() / weight.sum()
        spread = np.sqrt((weight * (p - mean) ** 2).sum() / weight.sum())
        assert features[k, b, [arm, 3 + arm]] == pytest.approx([mean, spread], rel=1e-11)


@pytest.mark.parametrize("kind", ["easy", "uniform"])
def test_the_features_of_dependent_arms_are_p1_and_how_little_is_known(kind):
    _, belief, state = after_trial(DependentBandit(kind, 7))
    features = belief.features(state)
    assert features.shape == (5, 4, 2)
    assert np.array_equal(features[..., 0], belief.probabilities(state)[..., 0])
    assert np.allclose(features[..., 1], 8 ** -0.5, rtol=1e-15)       # 7 pulls are 7 votes


def test_the_features_of_a_world_are_its_tables_one_after_the_other():
    _, belief, state = after_trial(RandomMDP(2, 3, 4, 3, noise=0.7))
    tables = belief.probabilities(state), *belief.rewards(state)
    flat = np.concatenate([table.reshape(5, 4, -1) for table in tables], -1)
    assert flat.shape == (5, 4, 12 + 6 + 6) and np.array_equal(belief.features(state), flat)


def test_a_world_whose_rewards_have_no_noise_has_no_posterior_of_this_form():
    with pytest.raises(ValueError, match=r"noise of the family must be .* in \(0, inf\), got 0"):
        exact_belief(RandomMDP(2, 3, 4, 3, noise=0.0))


def test_of_those_who_believe_in_an_arm_to_a_degree_as_many_are_paid():
    _, data, found = play(BernoulliBandit(3, 8), K=4000, B=1)
    believed = np.take_along_axis(found[:, :-1], data.action[..., None], -1)[..., 0]
    for low in (0.2, 0.4, 0.6):
        which = (believed > low) & (believed <= low + 0.2)
        gap = data.reward[which].mean() - believed[which].mean()
        assert which.sum() > 2000 and abs(gap) < 4 * 0.5 / np.sqrt(which.sum())


@every_family
def test_an_update_writes_to_nothing_and_rows_do_not_mix(family):
    belief, (_, data, found) = exact_belief(family), play(family)
    state = belief.begin(5, 4)
    step = [data.x[:, 1], *(array[:, 0] for array in (data.action, data.reward, data.end))]
    before = [array.copy() for array in (*state, *step)]
    after = belief.update(state, *step)
    assert all(np.array_equal(a, b) for a, b in zip((*state, *step), before))
    assert [array.dtype for array in after] == [array.dtype for array in state]
    alone = belief.update(belief.begin(1, 1), *(array[3:4, 2:3] for array in step))
    assert all(np.array_equal(a[3:4, 2:3], b) for a, b in zip(after, alone))
    assert np.array_equal(belief.probabilities(after), found[:, 1])


@every_family
def test_the_end_of_an_episode_may_be_told_as_a_number(family):
    belief, (_, data, _) = exact_belief(family), play(family)
    t = min(family.horizon if hasattr(family, "horizon") else 1, data.end.shape[1]) - 1
    step = [array[:, t] for array in (data.action, data.reward)]
    for end in (data.end[:, t], ~data.end[:, t]):
        states = [belief.update(belief.begin(5, 4), data.x[:, 0], *step, kind(end))
                  for kind in (np.asarray, np.int64, np.float32)]
        for other in states[1:]:
            assert all(np.array_equal(a, b) for a, b in zip(states[0], other))


def test_what_no_task_explains_is_refused():
    belief = exact_belief(InformativeBandit())
    state = belief.begin(2, 3)
    for arm in (1, 2):
        state = belief.update(state, None, np.full((2, 3), arm), np.full((2, 3), 5.0), None)
    with pytest.raises(ValueError, match="got steps that no task explains"):
        belief.probabilities(state)
    one_row = [np.where([[[True]] * 3, [[False]] * 3], may_be, True) for may_be in state]
    with pytest.raises(ValueError, match="got steps that no task explains"):
        belief.probabilities(one_row)


@pytest.mark.parametrize("family", [PointNavigation(), RestlessBandit(), 3])
def test_a_family_without_a_known_posterior_is_refused_by_name(family):
    with pytest.raises(TypeError, match="family must be one of BernoulliBandit, Dep.*got"):
        exact_belief(family)


# ---- the belief oracle

@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[1], FAMILIES[3], TwoStep(3)], ids=str)
def test_a_belief_oracle_keeps_the_laws_of_a_policy(family):
    check_policy(belief_oracle(family, 5))


@every_family
def test_what_a_belief_oracle_reads_is_the_belief_of_the_steps_before(family):
    """Acting, and the forward pass afterwards."""
    policy, rng = belief_oracle(family, 4), np.random.default_rng(1)
    theta = policy.init(rng, np.float32)
    data = rollout(policy, theta, family.sample(5, rng), trials=3, episodes=family.episodes,
                   rng=rng)
    x = data.x.swapaxes(0, 1).reshape(data.x.shape[1], 15, -1)
    _, cache = policy.forward(theta, x)
    belief, found = exact_belief(family), posteriors(exact_belief(family), data)
    for n in (1, data.x.shape[1]):
        memory = policy.memory_after(cache, np.full(15, n))
        assert np.allclose(belief.probabilities(memory).reshape(found[:, 0].shape), found[:, n - 1],
                           rtol=1e-6)
    u, value = policy.split(policy.forward(theta, x)[0])
    action = data.action.swapaxes(0, 1).reshape(-1, 15)
    log_prob = policy.head.log_prob(u, action).reshape(-1, 5, 3).swapaxes(0, 1)
    assert np.allclose(log_prob, data.log_prob, atol=1e-5)
    assert np.allclose(value.reshape(-1, 5, 3).swapaxes(0, 1), data.value, atol=1e-5)


def test_a_belief_oracle_has_two_hidden_layers_that_see_the_observation_and_the_belief():
    family = GridNavigation(3, 4, 2)
    network = belief_oracle(family, 7).net
    assert network.mlp.sizes == (9 + 9, 7, 7, 5 + 1)
    assert network.layout == network.mlp.layout and network.size == network.mlp.size
    theta, plain = (net.init(np.random.default_rng(0)) for net in (network, network.mlp))
    assert np.array_equal(theta, plain) and theta.dtype == float
    sizes = "n_in=16, n_hidden=7, n_out=6"
    assert repr(network) == f"BeliefNetwork(belief={network.belief!r}, {sizes})"


def test_a_belief_is_data_to_the_network_that_no_derivative_goes_through():
    family, rng = RandomMDP(2, 3, 4, 3), np.random.default_rng(0)
    network = belief_oracle(family, 4).net
    theta, (_, data, _) = network.init(rng), play(family)
    last = [np.eye(3)[data.action], data.reward[..., None], data.end[..., None]]
    before = [np.concatenate([0 * a[:, :1], a[:, :-1]], 1) for a in last]
    x = np.concatenate([data.x[..., :2], *before], -1)[:, :, 0].swapaxes(0, 1)
    v = rng.normal(size=x.shape)
    x_dot = np.where(np.arange(x.shape[-1]) < 2, v, 0)         # of the observation alone
    y, cache = network.forward(theta, x)
    y_dot, _ = network.jvp(theta, cache, 0 * theta, v)
    assert np.array_equal(y_dot, network.jvp(theta, cache, 0 * theta, x_dot)[0]) and y_dot.any()
    of_net = network.forward(theta, x + 1e-30j * v)[0].imag / 1e-30
    assert np.abs(y_dot - of_net).max() < 1e-12


@pytest.mark.parametrize("lead", [(2,), (2, 3)])
def test_more_axes_of_tasks_are_a_loop_over_them(lead):
    family, rng = GridNavigation(3, 4, 2), np.random.default_rng(0)
    network = belief_oracle(family, 4).net
    theta = rng.normal(size=lead + (network.size,))
    x = np.zeros(lead + (6, 5, network.n_in))
    place = rng.integers(9, size=x.shape[:-1])
    x[..., :9], x[..., 1:, :, 14] = np.eye(9)[place], -0.1
    x[..., 1:, :, 9:14] = np.eye(5)[rng.integers(5, size=lead + (5, 5))]
    y, _ = network.forward(theta, x)
    for i in np.ndindex(*lead):
        assert np.allclose(y[i], network.forward(theta[i], x[i])[0], rtol=1e-13, atol=1e-15)
    state = network.initial_state(theta, 5)
    assert [a.shape[:len(lead) + 1] for a in state] == [lead + (5,)] * 2


def test_without_a_number_of_steps_the_memory_is_that_after_the_last_one():
    family, rng = TwoStep(3), np.random.default_rng(2)
    policy = belief_oracle(family, 4)
    theta = policy.init(rng)
    data = rollout(policy, theta, family.sample(3, rng), trials=2, episodes=3, rng=rng)
    x = data.x.swapaxes(0, 1).reshape(data.x.shape[1], 6, -1)
    _, cache = policy.forward(theta, x)
    whole = policy.memory_after(cache)
    for one, other, earlier in zip(whole, policy.memory_after(cache, np.full(6, len(x))),
                                   policy.memory_after(cache, [2] * 6)):
        assert np.array_equal(one, other) and not np.array_equal(one, earlier)


def test_a_trained_belief_oracle_comes_close_to_the_exact_optimum():
    family = BernoulliBandit(2, 10)
    learner = RL2(belief_oracle(family, 16), rate=LinearSchedule(2e-2))
    untrained = learner.init(np.random.default_rng(0))
    theta = meta_train(learner, family, iterations=150, tasks=200).theta
    best = bayes_optimal_bandit(2, 10).value
    curve = evaluate(learner, theta, family, tasks=20_000, seed=1)
    assert abs(curve.mean[0] / best - 1) < 0.015 + 3 * curve.standard_error[0] / best
    assert evaluate(learner, untrained, family, tasks=4000).mean[0] < 0.9 * best


def test_a_belief_oracle_pickles_and_must_see_all_that_it_learns_from():
    family = GridNavigation(3, 4, 2)
    policy = belief_oracle(family)
    assert pickle.loads(pickle.dumps(policy)) == policy and policy.is_recurrent
    with pytest.raises(ValueError, match=r"16 numbers for GridNav.*got 15; use belief_oracle"):
        RecurrentPolicy(9, Categorical(5), sees=("action", "reward"), network=Believer(family))
    for other in (PointNavigation(), 3):
        with pytest.raises(TypeError, match="family must be one of"):
            belief_oracle(other)
