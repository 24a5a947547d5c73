"""Broken heads, policies, learners and worlds as people write them: each is caught, and the
headline is the right law."""
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from minimeta import MAML, RL2, Categorical, Gaussian, RecurrentPolicy, MLPPolicy
from minimeta.tasks import BernoulliBandit, RandomMDP
from minimeta.testing import LawBroken, check_learner, check_policy, check_tasks
from user_code import Coins, CoinTasks

FAMILY = RandomMDP(10, 5, 6)
POLICY = MLPPolicy(10, Categorical(5), (6,))
BUGS = {}


def bug(law, hint, check):
    """Registers a broken class, checked by check(cls)."""
    def register(cls):
        name = f"{cls.__bases__[0].__name__}: {cls.__name__.replace('_', ' ')}"
        BUGS[name] = law, hint, lambda: check(cls)
        return dataclass(frozen=True)(cls)
    return register


def normal(law, hint=""):
    return bug(law, hint, lambda cls: check_policy(MLPPolicy(3, cls(2), (4,))))


def choice(law, hint=""):
    return bug(law, hint, lambda cls: check_policy(MLPPolicy(3, cls(4), (5,))))


def policy(law, hint=""):
    return bug(law, hint, lambda cls: check_policy(cls(3, Categorical(4), (5,))))


def learner(law, hint=""):
    return bug(law, hint, lambda cls: check_learner(cls(POLICY, trials=4), FAMILY))


# ---- heads

@normal("probabilities")
class density_without_its_width(Gaussian):
    def log_prob(self, u, a):
        return super().log_prob(u, a) + self.split(u)[1].sum(-1)


@normal("probabilities")
class log_prob_averaged_over_dimensions(Gaussian):
    def log_prob(self, u, a):
        return super().log_prob(u, a) / 2


@normal("log_prob")
class gradient_without_the_width(Gaussian):
    def log_prob_grad(self, u, a):
        mu, log_std = self.split(u)
        e = (a - mu) * np.exp(-log_std)
        return self.join(e * np.exp(-log_std), e * e)


@normal("samples", "off by")
class variance_taken_for_a_standard_deviation(Gaussian):
    def sample(self, u, rng):
        mu, log_std = self.split(u)
        return mu + np.exp(2 * log_std) * rng.standard_normal(mu.shape, mu.dtype)


@normal("entropy")
class entropy_without_its_half(Gaussian):
    def entropy(self, u):
        return super().entropy(u) - 0.5 * self.n


@normal("kl")
class divergence_the_other_way(Gaussian):
    def kl(self, u_old, u):
        return super().kl(u, u_old)


@normal("fisher", "2 times")
class fisher_counted_twice(Gaussian):
    def fisher(self, u, u_dot):
        return 2 * super().fisher(u, u_dot)


@choice("greedy")
class least_probable_taken_for_greedy(Categorical):
    def greedy(self, u):
        return u.argmin(-1)


@choice("samples")
class the_first_action_drawn_too_often(Categorical):
    def sample(self, u, rng):
        return super().sample(u, rng) * (rng.random(u.shape[:-1]) < 0.9)


@choice("extremes", "not finite")
class no_maximum_subtracted(Categorical):
    def log_prob(self, u, a):
        e = np.exp(u - 0.0)
        if not np.isfinite(e.real).all():
            return np.full(u.shape[:-1], np.nan)
        return super().log_prob(u, a)


# ---- policies

@policy("join")
class join_forgets_a_factor(MLPPolicy):
    def join(self, u_bar, y, v_bar=None):
        return 0.5 * super().join(u_bar, y, v_bar)


@policy("acting")
class acts_warmer_than_it_says(MLPPolicy):
    def act(self, theta, memory, x, rng):
        y, _ = self.net.forward(self.weights(theta), x)
        return self.choose(0.5 * y, rng), memory


@policy("init", "float64")
class starts_in_float64(MLPPolicy):
    def init(self, rng, dtype=np.float64):
        return super().init(rng, np.float64)


# ---- learners

@learner("zero rate")
class rate_never_used(MAML):
    def adapt(self, theta, history):
        return MAML(POLICY, trials=4, dtype=self.dtype).adapt(theta, history)


@learner("meta-gradient", "the Hessians of the steps are missing")
class first_order_in_disguise(MAML):
    def meta_gradient(self, theta, history, data):
        return MAML.meta_gradient(replace(self, first_order=True), theta, history, data) \
            if not self.first_order else super().meta_gradient(theta, history, data)


@learner("meta-gradient", "1/3 of true, throughout")
class meta_gradient_averaged_twice(MAML):
    def meta_gradient(self, theta, history, data):
        loss, grad = super().meta_gradient(theta, history, data)
        return loss, grad / 3


@learner("separate", "a mean or a sum over the task axis")
class adaptation_averaged_over_tasks(MAML):
    def adapt(self, theta, history):
        phi = super().adapt(theta, history)
        return 0.9 * phi + 0.1 * phi.mean(0)


@learner("permuted")
class last_task_left_out(MAML):
    def problems(self, theta, history, data, shards=1):
        return super().problems(theta, [batch[:2] for batch in history], data[:2])


@learner("dtype", "float64")
class adapts_in_float64(MAML):
    def adapt(self, theta, history):
        return super().adapt(theta, history).astype(float)


@learner("padding", "follow the end of a trial")
class padding_read_as_experience(MAML):
    def adapt(self, theta, history):
        phi = super().adapt(theta, history)
        tell = history[0].x[..., 0].sum((-2, -1)).astype(phi.dtype)
        return phi + self.alpha * tell[:, None]


CALLS = []


@learner("pure", "different results")
class remembers_its_calls(MAML):
    def adapt(self, theta, history):
        CALLS.append(1)
        return super().adapt(theta, history) + self.alpha * len(CALLS)


@learner("pickles", "pickle")
class holds_a_closure(MAML):
    shape: Any = lambda reward: reward


# ---- worlds

def world(law, hint=""):
    return bug(law, hint, lambda cls: check_tasks(Coins(globals()[cls.__name__])))


@world("untimed")
class horizon_called_done(CoinTasks):
    def step(self, state, action, rng):
        state, obs, reward, done = super().step(state, action, rng)
        return state, obs, reward, done | (state == self.family.horizon)


@world("pure")
class state_counted_in_place(CoinTasks):
    def step(self, state, action, rng):
        _, obs, reward, done = super().step(state, action, rng)
        state += 1
        return state, obs, reward, done


@world("silent")
class coin_shown_at_once(CoinTasks):
    def reset(self, B, rng):
        state, obs = super().reset(B, rng)
        return state, obs + self.p[:, None, None]


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_broken_agent_or_world_is_caught_by_the_right_law(name):
    law, hint, check = BUGS[name]
    with pytest.raises(AssertionError) as failure:
        check()
    headline = str(failure.value).splitlines()[0]
    assert headline.startswith(f"{law}: ") and hint in headline


def test_the_same_without_a_bug_passes():
    for head in (Gaussian(2), Categorical(4)):
        check_policy(MLPPolicy(3, head, (4,)))
    check_learner(MAML(POLICY, trials=4), FAMILY)
    check_tasks(Coins())


def test_a_first_order_learner_is_expected_to_fail_and_must():
    report = check_learner(MAML(POLICY, trials=4, first_order=True), FAMILY)
    assert "known to fail: first_order leaves out the Hessians" in str(report)
    with pytest.raises(LawBroken, match="passed, though known to fail"):
        check_learner(MAML(POLICY, trials=4), FAMILY,
                      expect_failure={"meta-gradient": "a mistake"})


def test_a_recurrent_learner_is_checked_by_what_applies_to_it():
    learner = RL2(RecurrentPolicy(1, Categorical(3), 4), trials=3)
    report = check_learner.report(learner, BernoulliBandit(3, 5))
    assert set(report.skipped) == {"zero rate", "doubled rate", "meta-gradient"}
    assert not report.failed
