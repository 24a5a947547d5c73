"""What the strategies draw: sizes that tell one axis from another, ragged trials, and cases that
print in one line and shrink to small ones."""
import numpy as np
import pytest
from hypothesis import find, given, settings

from minimeta import Categorical, MLPPolicy
from minimeta.tasks import BernoulliBandit
from minimeta.testing import check_policy, check_recurrent
from minimeta.testing.strategies import (dones, families, layouts, lstms, mlps, networks, policies,
                                         recurrent_networks, rewards, rollouts)

MLP_POLICIES = policies(lambda n, m, H: MLPPolicy(n, Categorical(m), (H,)))


@given(mlps(), lstms(), networks())
def test_every_case_has_sizes_that_differ(mlp, lstm, either):
    numbers = mlp.net.sizes + mlp.x_shape[:1] + (mlp.K,)
    assert len(set(numbers)) == len(numbers) and min(numbers) >= 2
    net = lstm.net
    numbers = (net.n_in, net.n_hidden, net.n_out, lstm.K) + lstm.x_shape[:2]
    assert len(set(numbers)) == len(numbers) and min(numbers) >= 2
    assert either.x_shape[-1] == either.net.layout.shapes[0][1][0]


@given(layouts())
def test_a_drawn_layout_packs_what_it_unpacks(layout):
    theta = np.arange(float(layout.size))
    assert (layout.pack(**layout.unpack(theta)._asdict()) == theta).all()


@given(rollouts())
def test_a_drawn_rollout_has_ragged_ends_and_nothing_in_its_padding(data):
    lengths = data.mask.sum(1)
    assert (lengths >= 1).all() and (np.diff(data.mask.astype(int), axis=1) <= 0).all()
    for name in ("reward", "log_prob", "value", "end"):
        assert not getattr(data, name)[~data.mask].any()
    last = np.take_along_axis(data.end, lengths[:, None] - 1, 1)
    assert last.all()
    assert (data[:1].x == data.x[:1]).all() and data.action.max() < 3


@pytest.mark.parametrize("strategy", [
    layouts(), networks(), recurrent_networks(), rollouts(), MLP_POLICIES,
    families(BernoulliBandit)])
def test_a_case_prints_in_one_line(strategy):
    @settings(max_examples=20)
    @given(strategy)
    def holds(case):
        assert "\n" not in repr(case)
    holds()


def test_at_least_half_of_the_rollouts_have_two_of_everything():
    found = []

    @settings(max_examples=200, database=None)
    @given(rollouts())
    def collect(data):
        found.append(min(data.x.shape) >= 2)

    collect()
    assert np.mean(found) >= 0.5


def test_a_failing_case_shrinks_to_a_readable_one():
    data = find(rollouts(), lambda data: (data.reward > 0).sum() >= 1)
    assert data.mask.sum() <= 2 and data.seed == 0 and len(repr(data)) < 200
    case = find(recurrent_networks(), lambda case: case.x_shape[0] >= 3)
    assert max(case.x_shape) <= 6 and case.seed == 0
    assert find(families(BernoulliBandit), lambda f: f.arms > 3) == BernoulliBandit(4, 2)


@settings(max_examples=10)
@given(MLP_POLICIES, recurrent_networks())
def test_what_is_drawn_obeys_its_laws(policy, network):
    check_policy(policy.net, policy.x_shape, seed=policy.seed)
    check_recurrent(network.net, network.x_shape, seed=network.seed)


@given(rewards((3, 4)), dones((3, 4)))
def test_rewards_are_numbers_and_dones_are_truths(reward, done):
    assert reward.dtype == float and np.isfinite(reward).all() and done.dtype == bool
