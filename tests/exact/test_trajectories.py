"""Every trajectory, once, with its probability."""
from dataclasses import dataclass

import numpy as np
import pytest

from minimeta import TabularPolicy
from minimeta.exact import all_trajectories, exact_return, trajectories
from minimeta.rl import rollout
from minimeta.tasks import GridNavigation, RandomMDP


def enumerated(S=3, A=2, T=3, K=4):
    rng = np.random.default_rng(0)
    tasks = RandomMDP(S, A, T, 1).sample(K, rng)
    theta = rng.normal(size=(K, S * A))
    return tasks, theta, *all_trajectories(TabularPolicy(S, A), theta, tasks)


def test_probabilities_sum_to_one_and_no_trajectory_comes_twice():
    _, _, data, p = enumerated()
    assert p.shape == (4, 2 * 6 * 6) and np.allclose(p.sum(-1), 1, rtol=1e-13)
    ways = np.concatenate([data.x[0].argmax(-1), data.action[0]]).T
    assert len(np.unique(ways, axis=0)) == len(ways)


def test_it_looks_as_if_these_episodes_had_been_played():
    tasks, theta, data, _ = enumerated()
    policy = TabularPolicy(3, 2)
    played = rollout(policy, theta, tasks, trials=5, episodes=1,
                     rng=np.random.default_rng(0))
    for name in vars(played):
        one, other = getattr(data, name), getattr(played, name)
        assert one.dtype == other.dtype and one.ndim == other.ndim, name
    assert data.end[:, -1].all() and not data.end[:, :-1].any() and data.mask.all()
    assert (data.x[:, 0, :, 0] == 1).all()


def test_trajectories_come_as_often_as_their_probabilities_say():
    tasks, theta, data, p = enumerated(T=2)
    played = rollout(TabularPolicy(3, 2), theta, tasks, trials=20_000, episodes=1,
                     rng=np.random.default_rng(1))
    digits = np.array([6, 1])[:, None]
    codes, which = (((d.x.argmax(-1) * 2 + d.action) * digits).sum(1)
                    for d in (played, data))
    for k in range(4):
        counts = np.bincount(codes[k], minlength=36)[which[k]]
        assert np.all(np.abs(counts / 20_000 - p[k])
                      < 5 * np.sqrt(p[k] * (1 - p[k]) / 20_000))


def test_what_cannot_happen_is_left_out():
    tasks = GridNavigation(3, 4, 1).sample(2, np.random.default_rng(0))
    theta = np.zeros((2, 45))
    data, p = all_trajectories(TabularPolicy(9, 5), theta, tasks)
    assert p.shape == (2, 5 ** 4)  # each move leads one way
    assert np.allclose(p, 5.0 ** -4, rtol=1e-12)
    assert np.allclose((p * data.reward.sum(1)).sum(-1), tasks.random(), rtol=1e-12)


@dataclass(frozen=True)
class Chains:
    """Two tasks of two states: the first begins in state 0 and every action leads on to the
    other state, the second begins in state 1 and every action stays."""

    family: RandomMDP = RandomMDP(2, 2, 3, 1)

    def __len__(self):
        return 2

    def tables(self):
        leads = np.stack([np.eye(2)[[1, 0]], np.eye(2)])            # [K, S, S]
        P = np.repeat(leads[:, :, None], 2, 2)
        return P, np.arange(8.0).reshape(2, 2, 2), np.eye(2)

    def observe(self, state):
        return np.eye(2)[state]


def test_a_trajectory_is_listed_if_it_is_possible_in_one_of_the_tasks():
    theta = np.random.default_rng(0).normal(size=(2, 4))
    data, p = all_trajectories(TabularPolicy(2, 2), theta, Chains())
    assert np.allclose(p.sum(-1), 1, rtol=1e-13)
    for k, states in enumerate(([0, 1, 0], [1, 1, 1])):
        ways = data.x[k].argmax(-1)[:, p[k] > 0]
        assert ways.shape == (3, 8) and (ways.T == states).all()
    returns = (p * data.reward.sum(1)).sum(-1)
    assert returns == pytest.approx(exact_return(Chains()).at(theta).value, rel=1e-13)


def test_too_many_trajectories_are_refused():
    tasks = RandomMDP(30, 20, 8, 1).sample(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="more than 1000000 trajectories after 3 of 8"):
        all_trajectories(TabularPolicy(30, 20), np.zeros((1, 600)), tasks)


def test_the_largest_number_of_trajectories_is_itself_allowed(monkeypatch):
    monkeypatch.setattr(trajectories, "MOST", 2 * 6 * 6)
    assert enumerated()[3].shape == (4, 72)
    monkeypatch.setattr(trajectories, "MOST", 71)
    with pytest.raises(ValueError, match="more than 71 trajectories after 3 of 3 steps"):
        enumerated()


def test_trajectories_have_the_precision_of_theta():
    tasks, theta, data, p = enumerated()
    small, q = all_trajectories(TabularPolicy(3, 2), theta.astype(np.float32), tasks)
    for name in ("x", "reward", "log_prob", "value"):
        assert getattr(small, name).dtype == np.float32, name
    assert q.dtype == np.float32 and np.abs(q - p).max() < 1e-6


def test_a_policy_with_a_memory_or_parameters_of_another_shape_are_refused():
    tasks, theta, _, _ = enumerated()
    with pytest.raises(ValueError, match="policy must be memoryless, with 3 inputs"):
        all_trajectories(TabularPolicy(4, 2), theta, tasks)
    with pytest.raises(ValueError, match=r"theta must have shape \[..., 6\]"):
        all_trajectories(TabularPolicy(3, 2), theta[:, :5], tasks)
    with pytest.raises(ValueError, match="theta must be finite"):
        all_trajectories(TabularPolicy(3, 2), theta * np.nan, tasks)
    with pytest.raises(TypeError, match="theta must be"):
        all_trajectories(TabularPolicy(3, 2), theta.tolist(), tasks)
