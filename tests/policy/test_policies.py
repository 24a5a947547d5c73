"""Policies as maps, under all laws, and as actors."""
import pickle
from dataclasses import replace

import numpy as np
import pytest
from elman import Elman
from hypothesis import given, settings, strategies as st

from minimeta import (GRU, LSTM, Categorical, Gaussian, MLPPolicy, RecurrentPolicy,
                      TabularPolicy)
from minimeta.policy import BeliefPolicy, GuessPolicy
from minimeta.testing import check_map

POLICIES = [
    MLPPolicy(3, Categorical(4), (5,)), MLPPolicy(3, Gaussian(2), (5, 4), "sigmoid"),
    RecurrentPolicy(2, Categorical(3), 4), RecurrentPolicy(1, Gaussian(2), 5),
    RecurrentPolicy(2, Categorical(3), 4, GRU), RecurrentPolicy(2, Gaussian(2), 4, Elman),
]
BELIEVERS = [
    BeliefPolicy(2, Categorical(3), 4, n_latent=3, hidden=(6,)),
    GuessPolicy(2, Gaussian(2), n_latent=3, votes=(5,), hidden=(6,))]
RECURRENT = [p for p in POLICIES + BELIEVERS[:1] if p.is_recurrent]  # and do not guess


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_are_maps_in_four_forms(policy):
    check_map(policy, (4, 3, policy.n_in))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), sizes=st.permutations([2, 3, 4, 5]))
def test_policies_of_any_size_are_maps_in_four_forms(seed, sizes):
    obs_size, n, hidden, T = sizes
    for policy in (MLPPolicy(obs_size, Gaussian(n), (hidden,)),
                   RecurrentPolicy(obs_size, Categorical(n), hidden),
                   RecurrentPolicy(obs_size, Gaussian(n), hidden, GRU)):
        check_map(policy, (T, 2, policy.n_in), seed=seed, leads=((2,),), scales=(1.0,))


@pytest.mark.parametrize("policy", POLICIES)
def test_split_and_join_are_each_other_s_transpose(policy):
    rng = np.random.default_rng(0)
    theta = policy.init(rng)
    y, _ = policy.forward(theta, rng.normal(size=(4, 3, policy.n_in)))
    u, v = policy.split(y)
    assert u.shape == (4, 3, policy.head.n_in) and v.shape == (4, 3)
    assert y.shape[-1] == policy.head.n_in + policy.is_recurrent    # which has a value
    u_bar, v_bar = rng.normal(size=u.shape), rng.normal(size=v.shape)
    y_bar = policy.join(u_bar, y, v_bar)
    assert y_bar.shape == y.shape
    assert abs((y_bar * y).sum() - (u_bar * u).sum() - (v_bar * v).sum()) < 1e-12
    assert np.array_equal(policy.join(u_bar, y), policy.join(u_bar, y, 0 * v_bar))


@pytest.mark.parametrize("policy", POLICIES + BELIEVERS + [TabularPolicy(3, 4)])
def test_acting_and_the_map_agree_to_1e_12(policy):
    rng = np.random.default_rng(0)
    theta, x = policy.init(rng), rng.normal(size=(6, 3, policy.n_in))
    memory, acts = policy.begin(theta, 3), []
    for x_t in x:
        act, memory = policy.act(theta, memory, x_t, rng)
        acts.append(act if act.x is not None else act._replace(x=x_t))
    u, value = policy.split(policy.forward(theta, np.stack([act.x for act in acts]))[0])
    for act, u_t, value_t in zip(acts, u, value, strict=True):
        assert np.abs(act.log_prob - policy.head.log_prob(u_t, act.action)).max() < 1e-12
        assert np.abs(act.value - value_t).max() < 1e-12


@pytest.mark.parametrize("policy", RECURRENT)
def test_the_memory_after_a_forward_pass_is_that_of_having_acted(policy):
    rng = np.random.default_rng(0)
    theta, x = policy.init(rng), rng.normal(size=(6, 3, policy.n_in))
    _, cache = policy.forward(theta, x)
    memory, after = policy.begin(theta, 3), []
    for x_t in x:
        _, memory = policy.act(theta, memory, x_t, rng)
        after.append(memory)
    for mine, acted in zip(policy.memory_after(cache), memory, strict=True):
        assert mine.shape == acted.shape and np.abs(mine - acted).max() < 1e-12
    early = policy.memory_after(cache, np.array([2, 6, 1]))
    for k, mine in enumerate(early):
        acted = np.stack([after[n - 1][k][b] for b, n in enumerate((2, 6, 1))])
        assert np.abs(mine - acted).max() < 1e-12


@pytest.mark.parametrize("policy", POLICIES[:2] + [TabularPolicy(3, 4)])
def test_a_memoryless_policy_has_no_memory_to_ask_for(policy):
    assert not policy.is_recurrent and not hasattr(policy, "memory_after")
    assert policy.begin(None, 3) is None


def test_the_spread_of_a_gaussian_policy_is_the_same_in_every_state():
    policy, rng = POLICIES[1], np.random.default_rng(0)
    theta = policy.init(rng)
    theta[-2:] = [-1.0, 0.5]
    u, _ = policy.split(policy.forward(theta, rng.normal(size=(4, 3, 3)))[0])
    assert np.all(u[..., 2:] == [-1.0, 0.5]) and policy.layout.name(policy.size - 1) == "log_std[1]"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_new_policy_acts_almost_uniformly(policy):
    rng = np.random.default_rng(0)
    u, _ = policy.split(policy.forward(policy.init(rng), rng.normal(size=(4, 3, policy.n_in)))[0])
    assert np.abs(u - u.mean((0, 1))).max() < 0.5


def test_an_observation_of_the_wrong_length_is_refused_by_name():
    policy = POLICIES[0]
    with pytest.raises(ValueError, match=r"x must have shape \[\.\.\., T, B, 3\], got \[2, 2, 4\]"):
        policy.forward(policy.init(np.random.default_rng(0)), np.zeros((2, 2, 4)))


@pytest.mark.parametrize("policy", POLICIES + BELIEVERS)
def test_a_theta_of_another_length_is_refused(policy):
    theta, x = policy.init(np.random.default_rng(0)), np.zeros((4, 3, policy.n_in))
    for wrong in (theta[1:], np.append(theta, 0.0)):
        with pytest.raises(ValueError, match=rf"theta must have shape \[\.\.\., {policy.size}\]"):
            policy.forward(wrong, x)


@pytest.mark.parametrize("policy", POLICIES + BELIEVERS)
def test_an_observation_of_another_length_is_refused_where_it_is_seen(policy):
    n = policy.obs_size
    with pytest.raises(ValueError, match=f"observations must have length {n} .* got {n - 1}; use "):
        policy.see(np.zeros((4, 3, n - 1)), None, float)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_last_layer_is_scaled_down_and_all_else_is_as_the_network_draws_it(policy):
    theta = policy.init(np.random.default_rng(0))
    drawn = policy.net.init(np.random.default_rng(0))
    mine, plain = policy.net.layout.unpack(theta[:drawn.size]), policy.net.layout.unpack(drawn)
    *_, last, _ = [name for name, _ in policy.net.layout.shapes]
    for name in policy.net.layout.names:
        factor = 0.1 if name == last else 1.0
        assert np.array_equal(getattr(mine, name), factor * getattr(plain, name))
    assert not theta[drawn.size:].any()


def test_a_new_table_of_logits_has_a_spread_of_a_tenth():
    theta = TabularPolicy(60, 70).init(np.random.default_rng(0), np.float32)
    assert theta.std() == pytest.approx(0.1, rel=0.05) and theta.dtype == np.float32
    assert abs(theta.mean()) < 5 * 0.1 / theta.size ** 0.5


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_pickles_and_is_replaced_field_by_field(policy):
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert replace(policy, obs_size=6).net != policy.net


def test_what_comes_in_is_kept_as_python_s_own():
    mlp = MLPPolicy(np.uint8(3), Categorical(4), [np.uint8(200), 5])
    lstm = RecurrentPolicy(np.uint8(3), Categorical(4), np.uint8(200), sees=["reward"])
    assert mlp == MLPPolicy(3, Categorical(4), (200, 5)) and hash(mlp)
    assert lstm == RecurrentPolicy(3, Categorical(4), 200, sees=("reward",)) and hash(lstm)
    assert mlp.hidden == (200, 5)
    assert mlp.size == MLPPolicy(3, Categorical(4), (200, 5)).size
    assert lstm.size == LSTM(4, 200, 5).size
    assert {type(n) for n in (mlp.obs_size, *mlp.hidden, lstm.obs_size, lstm.n_hidden)} == {int}


def test_the_sizes_of_hidden_layers_are_kept_as_python_s_own():
    sizes = {"hidden": [np.uint8(200)], "n_latent": np.uint8(3)}
    belief = BeliefPolicy(2, Categorical(4), **sizes)
    guess = GuessPolicy(2, Categorical(4), votes=[np.uint8(100)], **sizes)
    assert belief == BeliefPolicy(2, Categorical(4), n_latent=3, hidden=(200,)) and hash(belief)
    assert guess == GuessPolicy(2, Categorical(4), n_latent=3, hidden=(200,), votes=(100,))
    assert belief.hidden == guess.hidden == (200,) and guess.votes == (100,)
    assert {type(n) for n in (*belief.hidden, *guess.hidden, *guess.votes)} == {int}


def test_a_policy_is_shown_by_the_fields_that_make_it():
    assert repr(TabularPolicy(3, 4)) == "TabularPolicy(n_states=3, n_actions=4)"
    assert repr(POLICIES[0]) == (
        "MLPPolicy(obs_size=3, head=Categorical(n=4), hidden=(5,), activation='tanh')")
    assert repr(RecurrentPolicy(2, Categorical(3), 4)) == (
        "RecurrentPolicy(obs_size=2, head=Categorical(n=3), n_hidden=4, sees=('action', "
        "'reward', 'done'), reward_unit=1.0, net=LSTM(n_in=7, n_hidden=4, n_out=4))")
    assert "network" not in repr(BELIEVERS[0]) and "n_latent=3" in repr(BELIEVERS[0])
    assert repr(GuessPolicy(2, Categorical(3))) == (
        "GuessPolicy(obs_size=2, head=Categorical(n=3), sees=('action', 'reward', 'done'), "
        "reward_unit=1.0, n_latent=5, votes=(32,), hidden=(32,), held='episode')")


@pytest.mark.parametrize("make", [
    MLPPolicy, RecurrentPolicy, BeliefPolicy, GuessPolicy])
def test_what_is_no_head_is_refused(make):
    with pytest.raises(TypeError, match=r"head must be a distribution .*such as Cat.* got 3"):
        make(2, 3)


def test_only_a_policy_with_a_memory_is_recurrent():
    for policy in POLICIES + BELIEVERS + [TabularPolicy(3, 4)]:
        assert policy.is_recurrent == hasattr(policy, "memory_after")


@pytest.mark.parametrize("network, words", [
    (lambda n, H, m: MLPPolicy(n, Categorical(m)), "network.* must be one such as LSTM"),
    (lambda n, H, m: None, "network.* must be one such as LSTM.* got None"),
])
def test_a_network_that_is_not_recurrent_is_refused(network, words):
    with pytest.raises(TypeError, match=words):
        RecurrentPolicy(2, Categorical(3), 4, network)


def test_inputs_that_are_not_finite_are_refused_once_by_name():
    for policy in POLICIES:
        x = np.zeros((4, 3, policy.n_in))
        x[1, 2, 0] = np.nan
        with pytest.raises(ValueError, match="x must be finite, got nan"):
            policy.forward(policy.init(np.random.default_rng(0)), x)
