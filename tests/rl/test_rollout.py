"""The rollout, and each clause of what a recurrent agent sees at the boundaries of a trial."""
import copy
import pickle
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy, MLPPolicy
from minimeta.require import NotFinite
from minimeta.rl import Rollout, rollout
from minimeta.tasks import BernoulliBandit, Discrete
from minimeta.tasks.family import Tasks


@dataclass(frozen=True)
class Corridor:
    """A player walks right (action 1) or stays (0); the episode is done at cell `length`.
    Reward is 10 + the cell it stands on before the step, so each step is recognisable."""

    length: int = 3
    horizon: int = 5
    obs_size = 1
    episodes = 3
    action = Discrete(2)

    def sample(self, K, rng):
        return Corridors(self, np.zeros(K))


@dataclass(frozen=True)
class Corridors(Tasks):
    family: Corridor
    nothing: np.ndarray

    def reset(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, state[..., None].astype(float)

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
        after = state + action
        return after, after[..., None].astype(float), 10.0 + state, after == self.family.length


POLICY = RecurrentPolicy(1, Categorical(2), 4)
BLIND = MLPPolicy(1, Categorical(2), (3,))   # to rewards


def run(episodes=3, K=4, trials=6, seed=0, policy=POLICY, dtype=np.float64):
    rng = np.random.default_rng(seed)
    theta = policy.init(rng, dtype)
    tasks = Corridor().sample(K, rng)
    return theta, rollout(policy, theta, tasks, trials=trials, episodes=episodes, rng=rng)


def test_at_the_first_step_of_a_trial_action_reward_and_done_are_zero():
    _, data = run()
    assert np.all(data.x[:, 0, :, 1:] == 0)


def test_the_input_at_a_step_is_the_last_action_reward_and_done_across_resets():
    _, data = run()
    n, is_on = data.x.shape[1], data.mask
    for t in range(1, n):
        on = is_on[:, t]
        x = data.x[:, t][on]
        before = data.action[:, t - 1][on]
        assert np.array_equal(x[:, 1:3], before[:, None] == np.arange(2))
        assert np.array_equal(x[:, 3], data.reward[:, t - 1][on])
        assert np.array_equal(x[:, 4], data.end[:, t - 1][on])


def test_a_later_episode_begins_with_a_fresh_observation_and_d_equal_to_one():
    _, data = run()
    begins = np.zeros_like(data.mask)
    begins[:, 1:] = data.end[:, :-1] & data.mask[:, 1:]
    assert begins.sum() == 4 * 6 * 2
    assert np.all(data.x[begins][:, 0] == 0)      # the corridor's first cell again
    assert np.all(data.x[begins][:, -1] == 1)     # d
    assert np.all(data.x[begins][:, -2] >= 10)    # the last reward of the episode before
    assert np.all(data.x[begins][:, 1:3].sum(-1) == 1)  # and its last action


def test_the_hidden_state_is_carried_across_episodes_and_reset_between_trials():
    theta, data = run()
    x = np.moveaxis(data.x, 0, 1).reshape(data.x.shape[1], -1, data.x.shape[-1])
    y, _ = POLICY.forward(theta, x)               # one unroll over the whole trial
    u, value = POLICY.split(y)
    action = np.moveaxis(data.action, 0, 1).reshape(u.shape[:-1])
    mask = np.moveaxis(data.mask, 0, 1).reshape(u.shape[:-1])
    stored = np.moveaxis(data.log_prob, 0, 1).reshape(u.shape[:-1])
    again = Categorical(2).log_prob(u, action)
    assert np.abs((again - stored)[mask]).max() < 1e-12   # the ratio is 1 at first
    stored_value = np.moveaxis(data.value, 0, 1).reshape(u.shape[:-1])
    assert np.abs((value - stored_value)[mask]).max() < 1e-12


def test_a_reset_hidden_state_would_not_give_the_stored_log_probabilities():
    theta, data = run()
    start = int(np.argmax(data.end[0, :, 0])) + 1        # the second episode of one trial
    x = data.x[0, start:start + 2, :1]
    u, _ = POLICY.split(POLICY.forward(theta, x)[0])
    again = Categorical(2).log_prob(u, data.action[0, start:start + 2, :1])
    assert np.abs(again[:, 0] - data.log_prob[0, start:start + 2, 0]).max() > 1e-6


def test_the_horizon_ends_an_episode_though_the_task_is_not_done():
    family = Corridor(length=100, horizon=4)
    rng = np.random.default_rng(0)
    data = rollout(POLICY, POLICY.init(rng), family.sample(2, rng), trials=3, episodes=2, rng=rng)
    assert data.x.shape[1] == 8
    assert np.array_equal(np.flatnonzero(data.end[0, :, 0]), [3, 7])


def test_padding_after_a_trial_is_zero_and_masked():
    _, data = run()
    off = ~data.mask
    assert off.any()
    for array in (data.reward, data.log_prob, data.value, data.end):
        assert np.all(array[off] == 0)
    assert np.all(data.end.sum(1) == 3)
    last = data.mask.shape[1] - 1 - np.argmax(data.mask[:, ::-1], 1)
    assert np.all(np.take_along_axis(data.end, last[:, None], 1))


def test_returns_of_episodes_add_up_to_the_trial():
    _, data = run()
    by_episode = data.episode_returns(3)
    assert by_episode.shape == (4, 3, 6)
    assert np.allclose(by_episode.sum(1), data.reward.sum(1), rtol=1e-14)
    t = int(np.argmax(data.end[0, :, 0])) + 1
    assert by_episode[0, 0, 0] == data.reward[0, :t, 0].sum()


@pytest.mark.parametrize("policy", [POLICY, MLPPolicy(1, Categorical(2), (3,))])
def test_one_theta_for_each_task_does_what_each_would_alone_on_average(policy):
    rng = np.random.default_rng(0)
    thetas = np.stack([policy.init(rng) * 3 for _ in range(3)])
    tasks = Corridor().sample(3, rng)
    data = rollout(policy, thetas, tasks, trials=5, episodes=1, rng=rng)
    for k in range(3):
        u, _ = policy.split(policy.forward(thetas[k], data.x[k])[0])
        again = Categorical(2).log_prob(u, data.action[k])
        assert np.abs((again - data.log_prob[k])[data.mask[k]]).max() < 1e-12


def test_equal_thetas_for_all_tasks_are_the_same_as_one_shared():
    rng = np.random.default_rng(0)
    theta, tasks = POLICY.init(rng), Corridor().sample(3, rng)
    one, many = (rollout(POLICY, t, tasks, trials=2, episodes=2, rng=np.random.default_rng(5))
                 for t in (theta, np.broadcast_to(theta, (3, len(theta)))))
    assert np.array_equal(one.action, many.action)
    assert np.abs(one.log_prob - many.log_prob).max() < 1e-12


def test_the_same_stream_gives_the_same_rollout_and_leaves_global_randomness_alone():
    before = np.random.get_state()[1].copy()
    (_, one), (_, two) = run(seed=3), run(seed=3)
    assert np.array_equal(one.x, two.x) and np.array_equal(one.log_prob, two.log_prob)
    assert np.array_equal(before, np.random.get_state()[1])


def test_float32_parameters_make_float32_data():
    _, data = run(dtype=np.float32)
    assert {a.dtype for a in (data.x, data.reward, data.log_prob, data.value)} == {
        np.dtype(np.float32)}


def test_bad_sizes_are_refused_by_name():
    rng = np.random.default_rng(0)
    theta, tasks = POLICY.init(rng), BernoulliBandit(2, 3).sample(4, rng)
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        rollout(POLICY, theta, tasks, trials=0, episodes=1, rng=rng)
    with pytest.raises(TypeError, match="episodes must be a whole number, got 1.5"):
        rollout(POLICY, theta, tasks, trials=1, episodes=1.5, rng=rng)
    with pytest.raises(ValueError, match=r"theta must be \[P\] or \[4, P\], got \[3, "):
        rollout(POLICY, np.stack([theta] * 3), tasks, trials=1, episodes=1, rng=rng)


# ---- nothing that is over is stepped

@dataclass(frozen=True)
class Strict:
    """Tasks of different lengths whose step raises where an episode is over: it is told
    by the state, which counts the steps. An episode is done at the task's own length,
    or at once where the action is 0 and `falls`."""

    horizon: int = 5
    falls: bool = False
    obs_size = 1
    episodes = 1
    action = Discrete(2)

    def sample(self, K, rng):
        return Stricts(self, 2 + np.arange(K) % self.horizon, [])


@dataclass(frozen=True)
class Stricts(Tasks):
    family: Strict
    length: np.ndarray  # [K]  more than the horizon for some
    resets: list        # of calls

    def __len__(self):
        return len(self.length)

    def reset(self, B, rng):
        self.resets.append(B)
        state = np.zeros((len(self), B), int)
        return state, state[..., None] + rng.random(state.shape + (1,))

    def step(self, state, action, rng):
        assert (state >= 0).all(), "a state that is done was stepped"
        pay = np.arange(1.0, self.family.horizon + 1)[state]  # IndexError past the horizon
        done = state + 1 >= self.length[:, None]
        if self.family.falls:
            done = done | (action == 0)
        after = np.where(done, -1, state + 1)
        return after, after[..., None] * 1.0, pay, done


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("episodes", [1, 3])
@pytest.mark.parametrize("policy", [POLICY, MLPPolicy(1, Categorical(2), (3,))])
def test_nothing_is_stepped_after_done_or_past_the_horizon(policy, episodes, falls):
    rng = np.random.default_rng(0)
    tasks = Strict(falls=falls).sample(7, rng)
    data = rollout(policy, policy.init(rng), tasks, trials=4, episodes=episodes, rng=rng)
    assert not data.mask.all() and np.all(data.end.sum(1) == episodes)
    within = np.arange(data.mask.shape[1])[:, None] - np.maximum.accumulate(
        np.where(np.roll(data.end, 1, 1), np.arange(data.mask.shape[1])[:, None], 0), 1)
    assert np.array_equal(data.reward, np.where(data.mask, within + 1, 0))


def test_a_rollout_that_went_on_with_what_is_over_would_be_noticed():
    tasks = Strict().sample(3, np.random.default_rng(0))
    with pytest.raises(AssertionError, match="a state that is done was stepped"):
        tasks.step(np.full((3, 1), -1), np.zeros((3, 1), int), None)
    with pytest.raises(IndexError):
        tasks.step(np.full((3, 1), 5), np.zeros((3, 1), int), None)


def test_tasks_are_reset_only_when_an_episode_begins():
    rng = np.random.default_rng(0)
    for episodes in (1, 2):
        tasks = Strict().sample(7, rng)
        data = rollout(POLICY, POLICY.init(rng), tasks, trials=4, episodes=episodes, rng=rng)
        going_on = data.end & (np.cumsum(data.end, 1) < episodes)
        assert tasks.resets == [4] * (1 + going_on.any((0, 2)).sum())


def test_padding_does_not_depend_on_how_long_the_others_go_on():
    rng = np.random.default_rng(0)
    theta, tasks = POLICY.init(rng), Strict().sample(2, rng)  # of lengths 2 and 3

    def run(tasks):
        return rollout(POLICY, theta, tasks, trials=3, episodes=1, rng=np.random.default_rng(1))

    both, padded = run(tasks), ~run(tasks).mask
    assert padded[0, 2].all() and not padded[1].any()
    for array in (both.reward, both.log_prob, both.value, both.end):
        assert not array[padded].any()
    assert np.isfinite(both.x).all()
    assert np.array_equal(both.reward[:1, :2], run(tasks[:1]).reward)


def test_mask_is_true_where_a_step_was_taken_and_of_type_bool():
    _, data = run()
    assert data.mask.dtype == bool
    again = Rollout(*(getattr(data, f.name) for f in fields(data)[:-1]),
                    data.mask.astype(np.float32))
    assert again.mask.dtype == bool and np.array_equal(again.mask, data.mask)
    with pytest.raises(ValueError, match="mask must hold 1 or True"):
        replace(data, mask=data.mask * 0.5)


# ---- what a family may give

@dataclass(frozen=True)
class Giving:
    """Bandits that give something else: name -> function of what they gave."""

    wrong: dict
    horizon = 4
    obs_size = 1
    action = Discrete(2)

    def sample(self, K, rng):
        return Given(self, np.zeros(K))


@dataclass(frozen=True)
class Given(Tasks):
    family: Giving
    nothing: np.ndarray

    def reset(self, B, rng):
        return np.zeros((len(self), B), int), np.ones((len(self), B, 1))

    def step(self, state, action, rng):
        given = {"obs": np.ones(state.shape + (1,)), "reward": 1.0 * action,
                 "done": np.zeros(state.shape, bool)}
        given |= {name: change(given[name]) for name, change in self.family.wrong.items()}
        return state + 1, given["obs"], given["reward"], given["done"]


def given(dtype=np.float32, seed=0, policy=POLICY, **wrong):
    theta = policy.init(np.random.default_rng(0), dtype)
    return rollout(policy, theta, Giving(wrong).sample(3, None), trials=5, episodes=2,
                   rng=np.random.default_rng(seed))


@pytest.mark.parametrize("kind", [int, bool, np.float16, np.float32, np.uint8, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rewards_of_every_type_become_the_dtype_of_theta(kind, dtype):
    data, plain = given(dtype, reward=lambda r: r.astype(kind)), given(dtype)
    for field in fields(data):
        one, other = getattr(data, field.name), getattr(plain, field.name)
        assert one.dtype == other.dtype and np.array_equal(one, other)
    assert data.reward.dtype == data.x.dtype == data.log_prob.dtype == dtype


@pytest.mark.parametrize("kind", [int, bool, np.float16, np.float32])
def test_observations_of_every_type_become_the_dtype_of_theta(kind):
    assert np.array_equal(given(obs=lambda o: o.astype(kind)).x, given().x)


def test_numbers_get_the_dtype_of_theta_whatever_the_policy_gives():
    class Wide(MLPPolicy):
        def see(self, obs, last, dtype):
            return obs.astype(np.float64)

    data = given(policy=Wide(1, Categorical(2), (3,)))
    assert {a.dtype for a in (data.x, data.reward, data.log_prob, data.value)} == {
        np.dtype(np.float32)}


def test_lists_are_arrays():
    data = given(reward=lambda r: r.tolist(), obs=lambda o: o.tolist(),
                 done=lambda d: d.tolist())
    assert np.array_equal(data.reward, given().reward)


@pytest.mark.parametrize("wrong, error, message", [
    ({"obs": lambda o: o[..., 0]}, ValueError, r"obs of Giving.* must have shape \[3, 5, 1\]"),
    ({"reward": lambda r: r[0]}, ValueError, r"reward of Giving.* must have shape \[3, 5\]"),
    ({"done": lambda d: d[0]}, ValueError, r"done of Giving.* must have shape \[3, 5\]"),
    ({"done": lambda d: d.astype(int)}, TypeError, "done of Giving.* must hold True or False, "
                                                   r"got dtype int.*; use done.astype\(bool\)"),
    ({"obs": lambda o: o * np.nan}, NotFinite,
     r"obs must be finite, got nan at index \(0, 0, 0\) of step 1 of"),
    ({"reward": lambda r: r - np.inf}, NotFinite, "reward must be finite, got -inf .* step 0 of"),
    ({"reward": lambda r: r + 1e39}, NotFinite, "reward .* numbers of float32 are at most"),
])
def test_a_family_that_breaks_its_word_is_told_so(wrong, error, message):
    with pytest.raises(error, match=message):
        given(**wrong)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_number_of_the_dtype_is_finite_and_what_is_beyond_it_is_not(sign, dtype):
    most = sign * float(np.finfo(dtype).max)
    assert (given(dtype, reward=lambda r: 0 * r + most, policy=BLIND).reward == most).all()
    for beyond in (np.longdouble(most) * 1.0001, most * np.inf):
        with pytest.raises(NotFinite, match="reward must be finite"):
            given(dtype, reward=lambda r: 0 * r + beyond)


def test_it_works_under_every_setting_of_floating_point_errors():
    with np.errstate(all="raise"):
        data = given(reward=lambda r: r * 1e-60, obs=lambda o: o * 1e-60)
    assert not data.reward.any()


def test_a_subclass_of_a_space_or_of_a_head_is_one():
    class Button(Discrete):
        pass

    class Careful(Categorical):
        pass

    class Pressing(Giving):
        action = Button(2)

    def play(policy):
        return rollout(policy, policy.init(np.random.default_rng(0)),
                       Pressing({}).sample(2, None), trials=1, episodes=1,
                       rng=np.random.default_rng(0))

    assert play(MLPPolicy(1, Categorical(2), (3,))).reward.shape == (2, 4, 1)
    assert play(MLPPolicy(1, Careful(2), (3,))).reward.shape == (2, 4, 1)
    with pytest.raises(ValueError, match=r"must have the head Categorical\(n=2\)"):
        play(MLPPolicy(1, Careful(3), (3,)))


@pytest.mark.parametrize("cut", [1, -1])
def test_a_theta_of_another_length_is_refused_and_told_that_of_the_policy(cut):
    theta, rng = BLIND.init(np.random.default_rng(0)), np.random.default_rng(0)
    with pytest.raises(ValueError, match=rf"theta must have shape \[\.\.\., {BLIND.size}\]"):
        rollout(BLIND, np.append(theta, 0)[:theta.size + cut], Corridor().sample(2, rng),
                trials=1, episodes=1, rng=rng)


def test_what_has_no_step_is_no_tasks():
    with pytest.raises(TypeError, match="tasks must have reset and step, .* got Corridor"):
        rollout(POLICY, None, Corridor(), trials=1, episodes=1, rng=np.random.default_rng(0))


def test_what_cannot_act_is_no_policy():
    tasks = BernoulliBandit(3, 4).sample(2, np.random.default_rng(0))
    with pytest.raises(TypeError, match="policy must be a policy, such as MLPPolicy.*, got 'mlp'"):
        rollout("mlp", None, tasks, trials=1, episodes=1, rng=np.random.default_rng(0))


def test_a_space_of_another_library_is_refused():
    class Foreign(Giving):
        action = "Discrete(2)"

    with pytest.raises(TypeError, match="action of .* must be "):
        rollout(POLICY, POLICY.init(np.random.default_rng(0)), Foreign({}).sample(2, None),
                trials=1, episodes=1, rng=np.random.default_rng(0))


@pytest.mark.parametrize("rng", [0, None, np.random, np.random.RandomState(0)])
def test_another_kind_of_randomness_is_refused_with_the_remedy(rng):
    theta = POLICY.init(np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"rng must be .* use np.random.default_rng\(seed\)"):
        rollout(POLICY, theta, Corridor().sample(2, None), trials=1, episodes=1, rng=rng)


def test_one_batch_is_not_a_list_of_batches():
    _, data = run()
    with pytest.raises(TypeError, match=r"a Rollout is one batch; .* write \[data\]"):
        list(data)
    assert np.array_equal(data[1:3].reward, data.reward[1:3])


def test_a_rollout_pickles_and_copies():
    _, data = run()
    for again in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        assert all(np.array_equal(getattr(again, f.name), getattr(data, f.name))
                   for f in fields(data))
