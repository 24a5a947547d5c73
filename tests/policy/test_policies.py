"""Policies as maps, under all laws, and as actors."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minimeta import Categorical, Gaussian, RecurrentPolicy, MLPPolicy
from minimeta.testing import check_map

POLICIES = [
    MLPPolicy(3, Categorical(4), (5,)), MLPPolicy(3, Gaussian(2), (5, 4), "sigmoid"),
    RecurrentPolicy(2, Categorical(3), 4), RecurrentPolicy(1, Gaussian(2), 5),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_are_maps_in_four_forms(policy):
    check_map(policy, (4, 3, policy.n_in))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), sizes=st.permutations([2, 3, 4, 5]))
def test_policies_of_any_size_are_maps_in_four_forms(seed, sizes):
    obs_size, n, hidden, T = sizes
    for policy in (MLPPolicy(obs_size, Gaussian(n), (hidden,)),
                   RecurrentPolicy(obs_size, Categorical(n), hidden)):
        check_map(policy, (T, 2, policy.n_in), seed=seed, leads=((2,),), scales=(1.0,))


@pytest.mark.parametrize("policy", POLICIES)
def test_split_and_join_are_each_other_s_transpose(policy):
    rng = np.random.default_rng(0)
    theta = policy.init(rng)
    y, _ = policy.forward(theta, rng.normal(size=(4, 3, policy.n_in)))
    u, v = policy.split(y)
    u_bar, v_bar = rng.normal(size=u.shape), rng.normal(size=v.shape)
    is_critic = y.shape[-1] > policy.head.n_in
    y_bar = policy.join(u_bar, y, v_bar if is_critic else None)
    assert abs((y_bar * y).sum() - (u_bar * u).sum() - (v_bar * v).sum()) < 1e-12


@pytest.mark.parametrize("policy", POLICIES)
def test_acting_and_the_map_agree_to_1e_12(policy):
    rng = np.random.default_rng(0)
    theta, x = policy.init(rng), rng.normal(size=(6, 3, policy.n_in))
    y, _ = policy.forward(theta, x)
    memory = policy.begin(theta, 3)
    for t in range(6):
        act, memory = policy.act(theta, memory, x[t], rng)
        u, value = policy.split(y[t])
        assert np.abs(act.log_prob - policy.head.log_prob(u, act.action)).max() < 1e-12
        assert np.abs(act.value - value).max() < 1e-12


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
