"""What the strategies draw: sizes that tell one axis from another, ragged trials, and cases that
print in one line and shrink to small ones."""
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis.errors import NoSuchExample

from minimeta import Categorical, MLPPolicy
from minimeta.tasks import BernoulliBandit
from minimeta.testing import check_policy, check_recurrent
from minimeta.testing.strategies import (dones, families, layouts, mlps, networks, policies,
                                         recurrent_networks, rewards, rollouts, shapes, sizes)

MLP_POLICIES = policies(lambda n, m, H: MLPPolicy(n, Categorical(m), (H,)))


@given(mlps(), recurrent_networks(), networks())
def test_every_case_has_sizes_that_differ(mlp, recurrent, either):
    numbers = mlp.net.sizes + mlp.x_shape[:1] + (mlp.K,)
    assert len(set(numbers)) == len(numbers) and min(numbers) >= 2
    net = recurrent.net
    numbers = (net.n_in, net.n_hidden, net.n_out, recurrent.K) + recurrent.x_shape[:2]
    assert len(set(numbers)) == len(numbers) and min(numbers) >= 2
    assert either.x_shape[-1] == either.net.layout.shapes[0][1][0]


@given(layouts())
def test_a_drawn_layout_packs_what_it_unpacks(layout):
    theta = np.arange(float(layout.size))
    assert (layout.pack(**layout.unpack(theta)._asdict()) == theta).all()


def test_the_simplest_rewards_are_0_and_the_simplest_episodes_do_not_end():
    assert not find(rewards((2, 3)), lambda array: True).any()
    assert not find(dones((2, 3)), lambda array: True).any()
    assert find(shapes(3), lambda sizes: True) == (1, 1, 1)


def test_sizes_that_are_equal_are_3_at_most():
    few = settings(max_examples=200, database=None, derandomize=True)
    assert find(shapes(2), lambda sizes: sizes == (3, 3), settings=few)
    with pytest.raises(NoSuchExample):
        find(shapes(2), lambda sizes: sizes[0] == sizes[1] > 3, settings=few)


def test_axes_of_layouts_have_any_length_from_1_on():
    for n in (1, 2, 7):
        find(layouts(), lambda layout: any(n in shape for _, shape in layout.shapes))


@given(rollouts())
def test_a_drawn_rollout_has_ragged_ends_and_nothing_in_its_padding(data):
    lengths = data.mask.sum(1)
    assert (lengths >= 1).all() and (np.diff(data.mask.astype(int), axis=1) <= 0).all()
    for name in ("reward", "log_prob", "value", "end"):
        assert not getattr(data, name)[~data.mask].any()
    last = np.take_along_axis(data.end, lengths[:, None] - 1, 1)
    assert last.all()
    assert (data[:1].x == data.x[:1]).all() and data.action.max() < 3
    for numbers in (data.x, data.log_prob[data.mask], data.value[data.mask]):
        assert len(np.unique(numbers)) == numbers.size


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


# ---- how far each draw goes

def extremes(strategy, of, n=100):
    """The least and the largest of(case) among n cases."""
    found = []

    @settings(max_examples=n, derandomize=True, database=None, deadline=None)
    @given(strategy)
    def collect(case):
        found.append(of(case))

    collect()
    return min(found), max(found)


@pytest.mark.parametrize("strategy, of, bounds", [
    (sizes(3), min, (2, 5)), (sizes(3), max, (4, 7)), (sizes(2, 4), max, (3, 4)),
    (sizes(3), len, (3, 3)),
    (mlps(), lambda case: len(case.net.sizes), (3, 5)),
    (mlps(), lambda case: max(case.net.sizes), (4, 9)),
    (layouts(), lambda layout: len(layout.shapes), (1, 4)),
    (layouts(), lambda layout: max(len(shape) for _, shape in layout.shapes), (0, 3)),
    (layouts(5), lambda layout: max((n for _, s in layout.shapes for n in s), default=1), (1, 5)),
    (families(lambda *n: n), min, (2, 7)), (families(lambda *n: n), len, (2, 2)),
    (families(lambda *n: n, 3, 4, 6), lambda n: (min(n), max(n), len(n)), ((4, 4, 3), (6, 6, 3))),
    (shapes(3), min, (1, 5)), (shapes(3), max, (1, 7)), (shapes(2), len, (2, 2)),
    (rollouts(), lambda data: int(data.action.max()), (0, 2)),
    (rollouts(n=9, n_actions=1), lambda data: data.x.shape[-1] + int(data.action.max()), (9, 9))])
def test_a_draw_goes_as_far_as_it_promises_and_no_farther(strategy, of, bounds):
    assert extremes(strategy, of) == bounds


@given(recurrent_networks(), MLP_POLICIES, mlps())
def test_a_case_is_of_one_kind(recurrent, policy, mlp):
    T, B, n = recurrent.x_shape
    assert recurrent.net.n_in == n and isinstance(recurrent.K, int) and recurrent.seed >= 0
    assert policy.x_shape[2] == policy.net.n_in and policy.seed < 2 ** 32
    sizes = (policy.K, *policy.x_shape, policy.net.head.n, *policy.net.hidden)
    assert len(set(sizes)) == 6 and mlp.x_shape[1] == mlp.net.sizes[0] and len(mlp.x_shape) == 2


@given(rollouts())
def test_a_drawn_rollout_has_the_numbers_of_one(data):
    K, T, B, _ = data.x.shape
    arrays = (data.action, data.reward, data.log_prob, data.value, data.end, data.mask)
    assert {array.shape for array in arrays} == {(K, T, B)}
    assert (data.log_prob <= 0).all() and data.action.min() >= 0 and data.end.dtype == bool
    assert not data.log_prob[data.mask].any() or (data.log_prob[data.mask] < 0).all()
    assert set(np.unique(data.reward)) <= {0.0, 1.0, -1.0, 0.5, 10.0}
    one = data[:1]
    assert all(len(getattr(one, name)) == 1 for name in ("x", "action", "end", "mask", "value"))
    assert one.seed == data.seed and f"seed={data.seed})" in repr(data)


def test_numbers_of_a_rollout_are_normal_and_its_rewards_tie():
    found, rewards_ = [], []

    @settings(max_examples=40, derandomize=True, database=None)
    @given(rollouts())
    def collect(data):
        found.append(np.concatenate([data.x.ravel(), data.value[data.mask]]))
        rewards_.extend(data.reward[data.mask])

    collect()
    numbers = np.concatenate(found)
    assert 0.8 < numbers.std() < 1.2 and abs(numbers.mean()) < 0.2
    assert set(rewards_) == {0.0, 1.0, -1.0, 0.5, 10.0}
