"""What a batch of VariBAD holds for its ELBO: weights, precision, rewards of two values, and
trials of which nothing can be told."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta import (GRU, MLP, RL2, BeliefPolicy, Categorical, Gaussian, GuessPolicy,
                      PosteriorSampling, VariBAD)
from minimeta.meta.evidence import chosen, strata
from minimeta.meta.explainer import Explainer
from minimeta.meta.rl2 import fold_tasks
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation

BANDIT, GRID = BernoulliBandit(arms=3, pulls=4), GridNavigation(3, horizon=4, episodes=2)
ARMS = VariBAD(BeliefPolicy(1, Categorical(3), 4, GRU, n_latent=2, hidden=(5,)), pays=(0, 1),
               told=3, decoder=(6,), dtype=np.float64)
MOVER = VariBAD(BeliefPolicy(2, Gaussian(2), 4, n_latent=3, hidden=(5,)), episodes=2, told=5,
                tells=("reward", "next"), std=0.5, decoder=(6,), dtype=np.float64)


def collected(learner, family, K=4, seed=0):
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    return theta, learner.collect(theta, family.sample(K, rng), rng)


def test_where_no_next_observation_is_needed_all_transitions_are_told_and_weigh_alike():
    _, data = collected(ARMS, BANDIT)
    noise, z, targets, v, w = ARMS.evidence(data)
    assert z.shape == (4, 4, 3, 1 + 3) and targets.shape == (4, 4, 3, 1)
    assert np.allclose(w, 1 / 16 / 4, rtol=1e-14)            # 16 steps, 4 transitions each
    assert np.allclose(v, 1 / 16 / 3, rtol=1e-14)            # a mean over the 3 that are told
    assert np.array_equal(noise, fold_tasks(data.noise))


def test_with_future_the_transitions_ahead_weigh_as_much_as_all_would():
    _, data = collected(ARMS, BANDIT)
    _, _, _, v, w = replace(ARMS, future=True).evidence(data)
    assert np.allclose(v, 1 / 16 / 3, rtol=1e-14) and np.allclose(w, 1 / 16 / 4, rtol=1e-14)


def test_a_draw_that_is_1_by_rounding_picks_the_last_transition():
    known = np.ones((2, 6, 3), bool)
    j, _ = chosen(known, np.ones((2, 6, 3, 4)), future=False)
    assert (j == 5).all()


def test_in_a_long_trial_each_known_transition_is_told_once_and_in_order():
    rng = np.random.default_rng(0)
    known = np.zeros((1, 300, 2), bool)
    known[:, rng.permutation(300)[:120]] = True
    j, N = chosen(known, strata((1, 300, 2, 120), rng), future=False)
    assert (N == 120).all() and (j == np.flatnonzero(known[0, :, 0])).all()


def test_a_trial_whose_episodes_are_single_steps_tells_no_next_and_pays_for_its_kl_alone():
    theta, data = collected(MOVER, PointNavigation(1, episodes=2))
    _, _, _, v, w = MOVER.evidence(data)
    assert data.end.all() and not v.any() and np.allclose(w, 1 / 8, rtol=1e-14)
    assert np.isfinite(MOVER.objective(data).at(theta).value)
    told = replace(MOVER, tells=("reward",))
    assert told.evidence(collected(told, PointNavigation(1, episodes=2))[1])[3].all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trials_and_loss_have_the_precision_of_theta(dtype):
    learner = replace(ARMS, dtype=dtype)
    theta, data = collected(learner, BANDIT)
    at = learner.objective(data).at(theta)
    kinds = {a.dtype for a in (theta, data.noise, *learner.evidence(data), at.value, at.grad)}
    assert kinds == {np.dtype(dtype)}


def test_the_noise_is_normal_and_the_draws_lie_in_strata_of_their_own():
    _, data = collected(ARMS, BANDIT, K=500)
    assert data.noise.shape == (500, 4, 1, 2) and abs(data.noise.mean()) < 0.1
    assert abs(data.noise.std() - 1) < 0.05
    assert ((3 * data.draws).astype(int) == [0, 1, 2]).all() and data.draws.shape[-1] == 3


def test_rewards_of_two_values_are_told_as_0_and_1_and_padding_may_hold_anything():
    learner = VariBAD(BeliefPolicy(9, Categorical(5), 4, n_latent=3), episodes=2,
                      pays=(-0.1, 1), shown=("next",), dtype=np.float64)
    _, data = collected(learner, GRID, K=30)
    assert np.array_equal(learner.unit(data), data.reward > 0) and (data.reward > 0).any()
    mask = data.mask.copy()
    mask[:, 6:] = False
    padded = replace(data, mask=mask, reward=np.where(mask, data.reward, 0.0))
    assert np.array_equal(learner.unit(padded), padded.reward > 0.5)
    assert replace(learner, pays=None).unit(data) is data.reward


def test_without_two_values_a_prediction_is_the_decoder_s_mean_itself():
    theta, data = collected(MOVER, PointNavigation(4, episodes=2))
    policy, decoder = MOVER.model.split(theta)
    z = np.random.default_rng(3).normal(size=(6, 4))            # as (s, a) of a transition
    told = MOVER.predict(theta, data, z)
    assert told.shape == (4, 8, 1, 6)
    mu = MOVER.policy.forward(policy, fold_tasks(data.x))[0][5, 2, -6:-3]
    p, _ = MOVER.model.decoder.forward(decoder, np.concatenate([mu, z[4]])[None])
    assert told[2, 5, 0, 4] == pytest.approx(p[0, 0], rel=1e-12)


def test_a_prediction_for_several_trials_keeps_tasks_and_trials_apart():
    learner = replace(ARMS, trials=3)
    theta, data = collected(learner, BANDIT)
    z = np.eye(4)[:2]
    told = learner.predict(theta, data, z)
    for k, b in [(0, 0), (1, 2), (3, 1)]:
        one = replace(data[k:k + 1], **{name: getattr(data, name)[k:k + 1, :, b:b + 1]
                                        for name in ("x", "mask")})
        assert np.allclose(learner.predict(theta, one, z)[0, :, 0], told[k, :, b], rtol=1e-12)


@pytest.mark.parametrize("future", [False, True])
def test_without_its_elbo_the_loss_is_that_of_rl2_itself(future):
    learner = replace(ARMS, elbo_weight=0.0, future=future)
    theta, data = collected(learner, BANDIT)
    plain = RL2(ARMS.policy, dtype=np.float64)
    at, of_rl2 = (one.objective(data).at(t) for one, t in (
        (learner, theta), (plain, theta[:ARMS.policy.size])))
    assert at.value == pytest.approx(of_rl2.value, rel=1e-13)
    assert np.allclose(at.grad[:ARMS.policy.size], of_rl2.grad, rtol=0, atol=1e-14)


def test_predictions_have_the_precision_of_theta():
    learner = replace(ARMS, dtype=np.float32)
    theta, data = collected(learner, BANDIT)
    assert learner.predict(theta, data, np.eye(4)).dtype == np.float32


@pytest.mark.parametrize("wrong, message", [
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"clip": 0.0}, "clip must be a finite number in .0, inf."),
    ({"tells": ("next",)}, "tells must be one of .* got .'next',. where .'obs', 'action'. is")])
def test_what_rl2_refuses_and_what_cannot_be_told_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(ARMS, **wrong)


@pytest.mark.parametrize("pays, error, message", [
    ((1, 1), ValueError, "pays must be .low, high., the two rewards"),
    ((0, 1, 2), ValueError, "pays must be .low, high., the two rewards"),
    (("a", 1), TypeError, "each of pays must be a number, got 'a'")])
def test_rewards_that_are_not_two_are_refused(pays, error, message):
    with pytest.raises(error, match=message):
        replace(ARMS, pays=pays)


def test_lists_are_kept_as_tuples_so_that_learners_hash_and_compare():
    learner = replace(ARMS, pays=[0, 1], shown=["obs", "action"], decoder=[6])
    assert learner == ARMS and hash(learner) == hash(ARMS)


def test_the_decoder_s_parameters_come_last_and_are_called_so():
    model = ARMS.model
    names = model.layout.names
    assert names[:len(ARMS.policy.layout.names)] == ARMS.policy.layout.names
    assert names[len(ARMS.policy.layout.names):] == tuple(
        f"decoder_{name}" for name in model.decoder.layout.names)
    assert model.decoder.sizes == (2 + 1 + 3, 6, 1) and ARMS.layout == model.layout
    assert model.size == ARMS.policy.size + model.decoder.size
    theta = model.init(np.random.default_rng(0))
    assert theta.dtype == float and theta.shape == (model.size,)
    policy, decoder = model.split(theta)
    rng = np.random.default_rng(0)
    assert np.array_equal(policy, ARMS.policy.init(rng))
    assert np.array_equal(decoder, model.decoder.init(rng))


def test_the_decoder_has_an_output_for_each_number_that_is_told():
    assert MOVER.model.decoder.sizes == (3 + 2 + 2, 6, 1 + 2)
    shown = replace(MOVER, shown=("action", "next"), tells=("reward",))
    assert shown.model.decoder.sizes == (3 + 2 + 2, 6, 1) and shown.model.n_shown == 4


def test_posterior_sampling_adapts_as_its_policy_remembers():
    policy = GuessPolicy(9, Categorical(5), n_latent=3, votes=(4,), hidden=(5,))
    learner = PosteriorSampling(policy, episodes=2, pays=(-0.1, 1), told=5, shown=("next",),
                                decoder=(6,), dtype=np.float64)
    theta, data = collected(learner, GRID)
    memory = learner.adapt(theta, [data])
    _, cache = policy.forward(theta[:policy.size], fold_tasks(data.x))
    for one, other in zip(memory, policy.memory_after(cache)):
        assert np.allclose(one, other, rtol=1e-12)


def test_an_explainer_is_a_policy_with_a_decoder_and_equal_to_its_like():
    policy = BeliefPolicy(2, Gaussian(2), 4, n_latent=3)
    assert Explainer(policy, MLP((5, 6, 1))) == Explainer(policy, MLP((5, 6, 1)))
    assert Explainer(policy, MLP((5, 6, 1))) != Explainer(policy, MLP((5, 7, 1)))
