"""VariBAD: its loss and gradient, what its ELBO is of, what its luck is, that it learns."""
import pickle
from dataclasses import replace

import numpy as np
import pytest
from planting import laws_broken

from minimeta import (GRU, LSTM, MLP, BeliefPolicy, Categorical, Gaussian, GuessPolicy,
                      PosteriorSampling, RecurrentPolicy, VariBAD, evaluate, load, meta_train)
from minimeta.meta import explainer
from minimeta.meta.evidence import at as pick
from minimeta.meta.evidence import chosen, strata
from minimeta.meta.explainer import Explainer
from minimeta.meta.rl2 import fold_tasks
from minimeta.objective import Adam
from minimeta.objective.elbo import Bernoulli, Normal
from minimeta.rl import Rollout
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation
from minimeta.testing import check_learner, check_map, complex_step, second

BANDIT, PLANE = BernoulliBandit(arms=3, pulls=4), PointNavigation(4, episodes=2, radius=0.2)
GRID = GridNavigation(3, horizon=4, episodes=2)


def arms(network=GRU, **options):
    policy = BeliefPolicy(1, Categorical(3), 4, network, n_latent=2, hidden=(5,), through=True)
    return VariBAD(policy, pays=(0, 1), told=3, decoder=(6,), dtype=np.float64, **options)


def walker(**options):
    policy = BeliefPolicy(9, Categorical(5), 4, n_latent=3, hidden=(5,), through=True)
    return VariBAD(policy, episodes=2, pays=(-0.1, 1), told=5, shown=("next",),
                   decoder=(6,), dtype=np.float64, **options)


def mover(**options):
    policy = BeliefPolicy(2, Gaussian(2), 4, n_latent=3, hidden=(5,), through=True)
    return VariBAD(policy, episodes=2, told=5, tells=("reward", "next"), std=0.5,
                   decoder=(6,), dtype=np.float64, **options)


def guessing(**options):
    policy = GuessPolicy(9, Categorical(5), n_latent=3, votes=(4,), hidden=(5,))
    return PosteriorSampling(policy, episodes=2, pays=(-0.1, 1), told=5, shown=("next",),
                             decoder=(6,), dtype=np.float64, **options)


CASES = [(arms(), BANDIT), (arms(LSTM, future=True), BANDIT), (walker(kl_weight=0.1), GRID),
         (mover(), PLANE), (guessing(), GRID)]
CASE = pytest.mark.parametrize("learner, family", CASES, ids=lambda it: type(it).__name__)


def setting(learner, family, seed=0, K=4):
    """A theta, a batch that another theta has collected, and the loss of the batch."""
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    data = learner.collect(theta, family.sample(K, rng), rng)
    objective = replace(learner, entropy_weight=0.03).objective(data)
    return theta + 0.1 * rng.normal(size=theta.shape), data, objective


# ---- derivatives

@CASE
def test_the_gradient_and_the_hessian_product_of_the_loss_are_complex_steps(learner, family):
    theta, _, objective = setting(learner, family)
    v, name = np.random.default_rng(1).normal(size=theta.shape), learner.layout.name
    at = objective.at
    assert complex_step(lambda t: at(t).value, lambda t: at(t).grad, theta, name=name) < 1e-12
    assert second(lambda t: at(t).grad, lambda t, v: at(t).hvp(v), theta, v, name=name) < 1e-12


@CASE
def test_the_learner_obeys_the_laws_of_learners(learner, family):
    check_learner(learner, family)


@pytest.mark.parametrize("network", [GRU, LSTM])
@pytest.mark.parametrize("head", [Categorical(3), Gaussian(2)])
def test_the_policy_with_its_decoder_obeys_every_law_of_a_map(network, head):
    policy = BeliefPolicy(2, head, 4, network, n_latent=3, hidden=(6,), through=True)
    check_map(Explainer(policy, MLP((3 + 2, 7, 2))), (5, 4, policy.n_in + 3 + 2 * 4))


def broken_by(plant, net=arms().model):
    """The laws of a map that see the bug."""
    width = net.policy.n_in + net.policy.n_latent + 3 * net.n_shown
    return laws_broken((net, (5, 4, width)), plant)


def test_noise_that_is_drawn_anew_at_each_pass_is_caught():
    luck = np.random.default_rng(0)

    def plant(edit):
        edit(explainer, "sample", lambda real: lambda q, noise: real(
            q, luck.normal(size=noise.shape)))
    assert broken_by(plant) >= {"purity", "tangent", "complex step", "second"}


def test_sigma_for_log_sigma_in_the_draw_is_caught():
    def plant(edit):
        def wrap(real):
            def broken(q, noise):
                d = noise.shape[-1]
                return q[..., :d] + q[..., d:] * noise, real(q, noise)[1]
            return broken
        edit(explainer, "sample", wrap)
    assert broken_by(plant) >= {"tangent", "complex step", "central difference"}


def test_without_a_bug_nothing_is_broken():
    assert broken_by(lambda edit: None) == set()


# ---- who trains whom

def blocks(theta_bar, learner):
    """The encoder's part of a gradient, the actor's and the decoder's."""
    policy, decoder = learner.model.split(theta_bar)
    return (*learner.policy.net.split(learner.policy.weights(policy)), decoder)


def of(learner, **policy):
    return replace(learner, policy=replace(learner.policy, **policy))


@pytest.mark.parametrize("learner, family", [(of(arms(), through=False), BANDIT),
                                             (guessing(), GRID)])
def test_the_elbo_alone_trains_encoder_and_decoder_and_rl_alone_the_actor(learner, family):
    theta, data, both = setting(learner, family)
    without = replace(learner, elbo_weight=0.0, entropy_weight=0.03).objective(data).at(theta).grad
    encoder, actor, decoder = blocks(without, learner)
    assert not encoder.any() and actor.any() and not decoder.any()
    encoder, same_actor, decoder = blocks(both.at(theta).grad, learner)
    assert encoder.any() and decoder.any()
    assert np.abs(same_actor - actor).max() < 1e-14 * np.abs(actor).max()


def test_with_through_rl_trains_the_encoder_too():
    theta, data, _ = setting(arms(), BANDIT)
    without = replace(arms(), elbo_weight=0.0, entropy_weight=0.03).objective(data).at(theta).grad
    encoder, _, decoder = blocks(without, arms())
    assert encoder.any() and not decoder.any()


@pytest.mark.parametrize("through", [False, True])
def test_without_through_the_weight_of_the_elbo_matters_by_the_norm_of_the_gradient_alone(through):
    def update(weight, max_norm):
        learner = replace(of(arms(), through=through), elbo_weight=weight, max_norm=max_norm,
                          optimizer=Adam(epsilon=1e-30))
        rng = np.random.default_rng(0)
        theta = learner.init(rng)
        data = learner.collect(theta, BANDIT.sample(4, rng), rng)
        return learner.update(theta, None, [], data, 0.0)[0]

    is_same = np.abs(update(1.0, 1e9) - update(4.0, 1e9)).max() < 1e-12
    assert is_same == (not through)
    assert np.abs(update(1.0, 1e-9) - update(4.0, 1e-9)).max() > 1e-4


# ---- the ELBO, by loops

@pytest.mark.parametrize("future", [False, True])
@pytest.mark.parametrize("learner, family", CASES[2:4])
def test_the_elbo_is_what_the_formula_says(learner, family, future):
    learner = replace(learner, future=future, told=4)
    theta, data, _ = setting(learner, family)
    at = replace(learner, entropy_weight=0.0).objective(data).at(theta)
    (_, _), (_, minus) = at.scalar.terms
    policy, decoder = learner.model.split(theta)
    q = learner.policy.forward(policy, fold_tasks(data.x))[0][..., -6:]
    (K, T, B), n, total, steps = data.mask.shape, learner.policy.obs_size, 0.0, 0
    needs_next = learner.shown == ("next",) or len(learner.tells) == 2
    for k in range(K):
        mask = data.mask[k, :, 0]
        before = np.zeros(6)
        known = [j for j in range(T) if mask[j] and not (needs_next and data.end[k, j, 0])]
        for t in range(mask.sum()):
            mu, l = q[t, k, :3], q[t, k, 3:]
            m = mu + np.exp(l) * data.noise[k, t, 0]
            kl = Gaussian(3).kl(q[t, k], before)
            before, steps = q[t, k], steps + 1
            js = [j for j in known if j >= t or not future]
            picked = [js[int(u * len(js))] for u in data.draws[k, t, 0]] if js else []
            log_p = 0.0
            for j in picked:
                s, after = data.x[k, j, 0, :n], data.x[k, (j + 1) % T, 0, :n]
                r = data.reward[k, j, 0]
                if family is GRID:
                    p, _ = learner.model.decoder.forward(
                        decoder, np.concatenate([m, after])[None])
                    log_p += Bernoulli().log_prob(p[0, 0], float(r > 0))
                else:
                    a = data.action[k, j, 0]
                    p, _ = learner.model.decoder.forward(
                        decoder, np.concatenate([m, s, a])[None])
                    log_p += Normal(0.5).log_prob(p[0], np.concatenate([[r], after])).sum()
            total += (log_p * len(known) / 4 - learner.kl_weight * kl) / max(len(known), 1)
    assert minus.scalar.value(at.y) == pytest.approx(total / steps, rel=1e-12)


def test_strata_predict_each_known_transition_once_if_there_are_as_many_draws():
    rng = np.random.default_rng(0)
    known = np.ones((2, 6, 3), bool)
    known[:, 4] = False
    j, N = chosen(known, strata((2, 6, 3, 5), rng), future=False)
    assert (N == 5).all() and (np.sort(j, -1) == [0, 1, 2, 3, 5]).all()


def test_with_future_no_transition_before_the_step_is_predicted():
    rng = np.random.default_rng(0)
    known = rng.random((4, 6, 3)) < 0.7
    j, N = chosen(known, strata((4, 6, 3, 8), rng), future=True)
    t = np.arange(6)[:, None, None]
    some = np.broadcast_to(N[..., None] > 0, j.shape)
    assert (j >= t)[some].all() and pick(known, j)[some].all()
    assert (N == known[:, ::-1].cumsum(1)[:, ::-1]).all()


def test_draws_make_an_unbiased_estimate_of_the_whole():
    rng = np.random.default_rng(0)
    known, numbers = rng.random((1, 7, 2)) < 0.7, rng.normal(size=(1, 7, 2))
    sums = []
    for _ in range(4000):
        j, N = chosen(known, strata((1, 7, 2, 2), rng), future=True)
        sums.append((pick(numbers, j) * (N / 2)[..., None]).sum(-1) * (N > 0))
    whole = (numbers * known)[:, ::-1].cumsum(1)[:, ::-1]
    error = np.std(sums, 0) / np.sqrt(len(sums))
    assert (np.abs(np.mean(sums, 0) - whole) <= 5 * error + 1e-12).all()


# ---- as a learner

@CASE
def test_the_first_epoch_recomputes_what_was_done(learner, family):
    theta, data, _ = setting(learner, family)
    rng = np.random.default_rng(0)
    theta = learner.init(rng)
    data = learner.collect(theta, family.sample(4, rng), rng)
    policy, _ = learner.model.split(theta)
    u, value = learner.policy.split(learner.policy.forward(policy, fold_tasks(data.x))[0])
    l = learner.policy.head.log_prob(u, fold_tasks(data.action))
    mask = fold_tasks(data.mask)
    assert np.abs(l - fold_tasks(data.log_prob))[mask].max() < 1e-13
    assert np.abs(value - fold_tasks(data.value))[mask].max() < 1e-13


def test_prediction_is_the_decoder_s_word_on_the_mean_of_the_belief():
    theta, data, _ = setting(walker(), GRID)
    cells = np.eye(9)
    told = walker().predict(theta, data, cells)
    assert told.shape == (4, 8, 1, 9)
    policy, decoder = walker().model.split(theta)
    mu = walker().policy.forward(policy, fold_tasks(data.x))[0][5, 2, -6:-3]
    p, _ = walker().model.decoder.forward(decoder, np.concatenate([mu, cells[7]])[None])
    assert told[2, 5, 0, 7] == pytest.approx(-0.1 + 1.1 * Bernoulli().mean(p[0, 0]), rel=1e-12)


def test_trials_slice_and_pickle_with_their_luck():
    _, data, _ = setting(walker(), GRID)
    assert isinstance(data, Rollout) and np.array_equal(data[1:3].draws, data.draws[1:3])
    copy = pickle.loads(pickle.dumps(data))
    assert np.array_equal(copy.noise, data.noise)


def test_a_short_training_learns_to_find_the_better_of_two_arms():
    family = BernoulliBandit(arms=2, pulls=6)
    policy = BeliefPolicy(1, Categorical(2), 12, n_latent=3, hidden=(16,))
    learner = VariBAD(policy, rate=1e-2, gamma=0.8, pays=(0, 1), shown=("action",), told=6,
                      kl_weight=0.1)
    theta = meta_train(learner, family, iterations=150, tasks=64, seed=0).theta
    curve = evaluate(learner, theta, family, tasks=4000)
    assert curve.mean[0] > 3 + 5 * curve.standard_error[0]          # acting at random: 3


@pytest.mark.parametrize("wrong, message", [
    ({"told": 0}, "told must be at least 1, got 0"),
    ({"std": 0}, "std must be a finite number in .0, inf., got 0"),
    ({"pays": (1, 0)}, "pays must be .low, high., the two rewards .* got .1, 0."),
    ({"pays": 1}, "pays must be a tuple, got 1"),
    ({"shown": ("cell",)}, "shown must be one of 'obs', 'action', 'next', got 'cell'"),
    ({"tells": ("next",)}, "tells must be one of"),
    ({"shown": ("next",), "tells": ("reward", "next")}, "without what is shown"),
    ({"future": 1}, "future must be True or False, got 1"),
    ({"kl_weight": -1}, "kl_weight must be a finite number"),
    ({"policy": RecurrentPolicy(1, Categorical(3), 4)}, "policy must be one such as BeliefP"),
    ({"policy": guessing().policy}, "policy must be one such as BeliefPolicy"),
])
def test_what_cannot_be_is_refused_by_name(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        replace(arms(), **wrong)


def test_posterior_sampling_needs_a_policy_that_guesses():
    with pytest.raises(TypeError, match="policy must be one such as GuessPolicy"):
        replace(guessing(), policy=walker().policy)


def test_a_reward_that_is_none_of_the_two_is_refused():
    with pytest.raises(ValueError, match="rewards must be one of pays=.0, 2., got 1.0; use"):
        setting(replace(arms(), pays=(0, 2)), BANDIT)


@pytest.mark.parametrize("learner, family", [(walker(), GRID), (guessing(), GRID)])
def test_a_run_is_kept_and_its_agent_acts_before_and_after_a_trial(learner, family, tmp_path):
    run = meta_train(learner, family, iterations=2, tasks=3, run_dir=tmp_path)
    kept = load(tmp_path)
    assert np.array_equal(kept.theta, run.theta) and kept.learner == learner
    task = family.sample(1, np.random.default_rng(0))
    for agent in (kept.agent(), kept.agent(task)):
        state, obs = task.reset(1, np.random.default_rng(1))
        assert agent.act(obs[0, 0]) in range(5) and agent.act(obs[0, 0], 1.0, True) in range(5)
