"""The laws of learners: the iteration that they look at, and a learner that breaks each of them."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import MAML, MLP, RL2, Categorical, MLPPolicy, RecurrentPolicy, Reinforce
from minimeta.meta import RegressionMAML
from minimeta.rl.rollout import Rollout
from minimeta.tasks import BernoulliBandit, GridNavigation, Sinusoid
from minimeta.testing import check_learner, compare
from minimeta.testing import learner_laws as laws
from minimeta.testing.learner_probe import Iteration, littered, ragged
from minimeta.testing.suite import DoesNotApply

POLICY, FAMILY = MLPPolicy(1, Categorical(3), (4,)), BernoulliBandit(3, 5)


def iteration(kind=MAML, seed=0, dtype=np.float64, **options):
    return Iteration(kind(POLICY, trials=4, **options), FAMILY, seed, dtype)


def law(name, kind=MAML, **options):
    """The errors of a law on a learner."""
    found = getattr(laws, name)(iteration(kind, **options))
    return [found] if isinstance(found, float) else list(found)


# ---- the data

def data(T=4):
    """Two tasks and four trials: the first ends after a step, the others after the last."""
    rng, shape = np.random.default_rng(0), (2, T, 4)
    mask = np.ones(shape, bool)
    mask[:, 1:, 0] = False
    end = np.zeros(shape, bool)
    end[:, -1, 1:], end[:, 0, 0] = True, True
    reward, log_prob, value = (rng.normal(size=(3, *shape)) * mask).astype(np.float32)
    return Rollout(rng.normal(size=shape + (3,)), rng.integers(5, size=shape), reward, log_prob,
                   value, end, mask)


@pytest.mark.parametrize("T", [2, 4, 5])
def test_every_other_trial_loses_its_last_step_and_ends_a_step_before(T):
    before, after = data(T), ragged(data(T))
    assert np.array_equal(after.x, before.x) and np.array_equal(after.action, before.action)
    for name in ("reward", "log_prob", "value", "mask", "end"):
        one, other = getattr(before, name), getattr(after, name)
        assert one.dtype == other.dtype and np.array_equal(one[..., ::2], other[..., ::2])
        assert not other[:, -1, 1::2].any()
        if name != "end":
            assert np.array_equal(one[:, :-1], other[:, :-1])
    assert after.end[:, -2, 1::2].all() and np.array_equal(after.end[:, :-2], before.end[:, :-2])
    assert not before.end[:, -2, 1::2].any() and before.mask[:, -1, 1:].all()


def test_a_trial_that_is_over_before_does_not_end_twice():
    early = data()
    early = replace(early, mask=early.mask[..., ::-1], end=early.end[..., ::-1])
    assert ragged(early).end[:, :, 3].sum(1).tolist() == [1, 1]


def test_data_without_a_mask_or_of_one_step_stay_as_they_are():
    one, plain = data(1), {"x": 3}
    assert ragged(one) is one and ragged(plain) is plain


def test_what_follows_the_end_of_a_trial_is_littered_and_nothing_else():
    before = ragged(data())
    after = littered(before)
    for name in ("x", "action"):
        one, other = getattr(before, name), getattr(after, name)
        assert np.array_equal(one[before.mask], other[before.mask]) and one.dtype == other.dtype
        assert np.mean(one[~before.mask] != other[~before.mask]) > 0.5
    assert after.reward is before.reward and after.mask is before.mask


# ---- the iteration

@pytest.mark.parametrize("own", [np.float32, np.float64])
def test_a_learner_is_checked_in_float64_whatever_its_own_type(own):
    p = Iteration(MAML(POLICY, trials=4, dtype=own), FAMILY, 0)
    assert p.learner.dtype == np.float64 == p.theta.dtype == p.phi.dtype and p.given.dtype == own
    single = Iteration(MAML(POLICY, trials=4, dtype=own), FAMILY, 0, np.float32)
    assert single.learner.dtype == np.float32 == single.theta.dtype == single.phi.dtype
    assert not check_learner(MAML(POLICY, trials=4, dtype=own), FAMILY).failed


def test_theta_is_moved_from_where_it_begins_and_its_rates_are_not():
    policy = MLPPolicy(1, Categorical(3), (300,))
    p = Iteration(MAML(policy, trials=4, learn_alpha=True), FAMILY, 5)
    rng = np.random.default_rng(5)
    FAMILY.sample(3, rng)
    start, n = p.learner.init(rng), policy.size
    assert 0.095 < (p.theta - start)[:n].std() < 0.105 and len(start) > n
    assert np.array_equal(p.theta[n:], start[n:]) and p.context == "seed 5, K = 3 tasks"
    faster = p.changed(alpha=0.5, dtype=np.float64, no_such_option=1)
    assert faster.alpha == 0.5 and np.array_equal(p.start(faster)[:n], p.theta[:n])
    assert p.start(faster)[n:].tolist() == faster.init(rng)[n:].tolist() != p.theta[n:].tolist()


def test_the_data_of_each_round_are_of_the_policy_adapted_so_far():
    p = iteration(rounds=2)
    assert len(p.history) == 2 and p.batches is p.history and p.data.mask.shape[:1] == (3,)
    assert np.array_equal(p.phi, p.learner.adapt(p.theta, p.history))
    assert not p.data.mask.all() and not p.history[0].mask.all()
    other = iteration(Reinforce)
    assert other.history == [] and other.batches == [other.data]
    assert not np.array_equal(iteration(seed=1).theta, p.theta)


def test_an_update_takes_what_it_is_given_and_its_own_for_the_rest():
    p = iteration()
    theta, _, row = p.update()
    again = p.update(p.learner, p.theta, p.history, p.data)
    assert np.array_equal(theta, again[0]) and row == again[2]
    for other in (dict(theta=p.theta + 1), dict(data=p.data[np.array([1, 1, 2])]),
                  dict(history=[b[np.array([1, 1, 2])] for b in p.history]),
                  dict(learner=p.changed(alpha=0.7))):
        assert not np.array_equal(p.update(**other)[0], theta)
    loss, g = p.meta_gradient(p.theta)
    other = p.meta_gradient(p.theta, data=p.data[np.array([1, 1, 2])])
    assert other[0] != loss and not np.array_equal(other[1], g)
    past = [b[np.array([1, 1, 2])] for b in p.history]
    assert not np.array_equal(p.meta_gradient(p.theta, history=past)[1], g)


# ---- a learner that breaks a law

class Patched(MAML):
    """Its adaptation and its update are changed by `change`."""

    def adapt(self, theta, history):
        return self.change_phi(super().adapt(theta, history), theta)

    def update(self, *args):
        theta, state, row = super().update(*args)
        return self.change_theta(theta), state, self.change_row(row)

    def change_phi(self, phi, theta):
        return phi

    def change_theta(self, theta):
        return theta

    change_row = change_theta


def patched(**changes):
    return type("Changed", (Patched,), changes)


def one_nan(a):
    a = np.array(a)
    a.flat[3] = np.nan
    return a


@pytest.mark.parametrize("changes, words", [
    (dict(change_theta=lambda self, theta: one_nan(theta)), "theta is not finite"),
    (dict(change_row=lambda self, row: row | {"many": [1.0, np.inf]}), "many is not finite"),
    (dict(change_theta=lambda self, theta: theta[:-1]), "update must give theta [23], got [22]")])
def test_one_number_that_is_not_finite_is_caught_and_named(changes, words):
    assert POLICY.size == 23
    found = law("runs", patched(**changes))
    assert [error.detail for error in found if error] == [words]
    p = iteration()
    p.phi = one_nan(p.phi)
    assert [error.detail for error in laws.runs(p) if error] == ["phi is not finite"]


def test_words_and_truths_of_a_row_need_not_be_finite():
    [error] = law("runs", patched(change_row=lambda self, row: {"a": "nan", "b": True, "c": 1.0}))
    assert error == 0 and error.detail == "3 numbers in the row"


@pytest.mark.parametrize("name", ["pure", "zero_rate", "doubled_rate", "separate", "permuted",
                                  "padding", "dtype", "pickles", "meta_gradient"])
def test_what_is_right_obeys_each_law(name):
    for options in (dict(), dict(learn_alpha=True), dict(rounds=2)):
        found = law(name, **options)
        assert found and max(map(float, found)) < 1e-12


def test_phi_of_a_multiple_of_the_rate_goes_a_multiple_of_the_way():
    p = iteration(alpha=np.full(POLICY.size, 0.1))
    one, three = (laws.with_rate(p, factor) - p.theta for factor in (1, 3))
    assert one.shape == (3, POLICY.size) and np.allclose(three, 3 * one, rtol=0, atol=1e-14)
    assert np.array_equal(laws.unadapted(p), np.broadcast_to(p.theta, (3, POLICY.size)))


@pytest.mark.parametrize("verb, of, argument", [
    ("adapt", lambda theta, history: history[0], 1),
    ("update", lambda theta, state, history, data, progress: history[0], 1),
    ("update", lambda theta, state, history, data, progress: data, 2)])
def test_an_adaptation_or_an_update_that_writes_to_its_data_is_caught(verb, of, argument):
    def written(self, *args):
        found = getattr(MAML, verb)(self, *args)
        of(*args).reward[:] += 1
        return found

    words = [error.detail for error in law("pure", type("Writes", (MAML,), {verb: written}))]
    assert f"argument {argument} was written to; make a copy first" in words


def test_a_rate_is_tried_as_the_learner_has_it_a_number_or_an_array():
    class Strict(MAML):
        def __post_init__(self):
            assert type(self.alpha) in (float, np.ndarray)
            super().__post_init__()

    for alpha in (0.1, np.full(POLICY.size, 0.1)):
        assert laws.with_rate(iteration(Strict, alpha=alpha), 2).shape == (3, POLICY.size)


def test_a_learner_that_does_not_say_how_many_steps_it_takes_takes_one():
    p = iteration()
    p.learner = SimpleNamespace(policy=POLICY)
    assert laws.doubled_rate(p) < 1e-12


def test_a_step_whose_length_does_not_follow_the_rate_is_caught():
    class Sized(Patched):
        def change_phi(self, phi, theta):
            step = phi - theta
            return theta + 0.1 * step / np.sqrt((step ** 2).sum())

    for name in ("zero_rate", "doubled_rate"):
        [error] = law(name, Sized)
        assert error > 0.01 and "] of task " in error.detail
        assert ("claimed is 1/2 of true, throughout" in error.hint) == (name == "doubled_rate")
    with pytest.raises(DoesNotApply, match="the learner takes several steps on a batch"):
        laws.doubled_rate(Iteration(RegressionMAML(MLP((1, 5, 1)), steps=2), Sinusoid(), 0))
    with pytest.raises(DoesNotApply, match="the learner has no alpha"):
        laws.zero_rate(Iteration(RL2(RecurrentPolicy(1, Categorical(3), 4), trials=3), FAMILY, 0))
    [error] = law("doubled_rate", patched(change_phi=lambda self, phi, theta: 0 * phi + theta))
    assert error == np.inf and error.hint == "is alpha used?"


@pytest.mark.parametrize("share", [1e-3, 1e-9])
def test_an_adaptation_that_mixes_tasks_is_caught(share):
    def mix(self, phi, theta):
        return phi + share * (phi - theta)[:1]

    [error] = law("separate", patched(change_phi=mix))
    assert error > 1e-12 and error.hint == "tasks mix: is there a mean or a sum over the task axis?"
    [right] = law("separate")
    assert "tasks mix" not in right.hint


def test_an_adaptation_that_depends_on_the_order_of_tasks_is_caught():
    first, _ = law("permuted",
                   patched(change_phi=lambda self, phi, theta: phi * [[1], [1], [1.001]]))
    assert first > 1e-4

    class LastLeftOut(MAML):
        def problems(self, theta, history, data, shards=1):
            return super().problems(theta, [batch[:2] for batch in history], data[:2])

    adapt, update = law("permuted", LastLeftOut, optimizer="sgd")
    assert adapt < 1e-12 and update > 1e-3


def told(action):
    return (action * np.arange(1, 5) ** 2).sum((1, 2))


def test_padding_that_adaptation_or_update_reads_is_caught():
    class Reads(MAML):
        def adapt(self, theta, history):
            return super().adapt(theta, history) + 1e-9 * told(history[0].action)[:, None]

    class ReadsLater(MAML):
        def update(self, theta, state, history, data, progress):
            theta, *rest = super().update(theta, state, history, data, progress)
            return theta + 1e-9 * told(data.action).sum(), *rest

    class ReadsEarlier(MAML):
        def update(self, theta, state, history, data, progress):
            theta, *rest = super().update(theta, state, history, data, progress)
            return theta + 1e-9 * told(history[0].action).sum(), *rest

    for kind, verb in ((Reads, "adapt"), (ReadsLater, "update"), (ReadsEarlier, "update")):
        words = [error.detail for error in law("padding", kind) if error]
        assert f"{verb} depends on inputs and actions that follow the end of a trial" in words
        assert len(words) == 1 or kind is Reads
    [right] = law("padding")
    assert right == 0 and right.detail == "no influence"


def test_a_wrong_type_of_phi_or_theta_is_caught():
    up = patched(change_theta=lambda self, theta: theta.astype(np.float64))
    [error, _] = law("dtype", up)
    assert error.detail == "theta of a learner of float32 is float64"
    down = patched(change_phi=lambda self, phi, theta: phi.astype(np.float32))
    [error, end] = law("dtype", down)
    assert error.detail == "phi of a learner of float64 is float32" and end.detail == "kept"


class Tunes(MAML):
    """Its replace is another learner."""

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "alpha", 1.01 * self.alpha)


def test_a_replaced_learner_that_does_something_else_is_caught():
    words = [error.detail for error in law("pickles", Tunes) if error]
    assert words == ["a replaced learner does something else",
                     "a replaced field by field learner does something else"]


@pytest.mark.parametrize("off", [1e-3, 1e-8])
def test_a_wrong_coordinate_of_the_meta_gradient_is_named(off):
    class Off(MAML):
        def meta_gradient(self, theta, history, data):
            loss, g = super().meta_gradient(theta, history, data)
            g = g.copy()
            g[9] += off
            return loss, g

    [error] = law("meta_gradient", Off)
    assert f"worst at {POLICY.layout.name(9)}" in error.detail
    blunt = Iteration(Off(POLICY, trials=4), FAMILY, 0, complex_safe=False)
    assert (laws.meta_gradient(blunt) > 1e-6) == (off > 1e-6)
    with pytest.raises(DoesNotApply, match="the learner has no meta_gradient"):
        laws.meta_gradient(Iteration(RL2(RecurrentPolicy(1, Categorical(3), 4), trials=3), FAMILY,
                                     0))


def test_a_meta_gradient_that_stops_complex_numbers_is_judged_by_differences():
    class Real(MAML):
        def meta_gradient(self, theta, history, data):
            return super().meta_gradient(theta.real, history, data)

    learner = Real(POLICY, trials=4)
    assert laws.meta_gradient(Iteration(learner, FAMILY, 0)) == np.inf
    assert laws.meta_gradient(Iteration(learner, FAMILY, 0, complex_safe=False)) < 1e-6


def test_the_hint_names_a_first_order_gradient_and_no_other():
    [error] = law("meta_gradient", first_order=True)
    assert error > 1e-3 and "it is the first-order gradient" in error.hint
    p = iteration()
    assert laws.first_order(p) == ""
    full, first = (q.meta_gradient(p.theta, p.history, p.data)[1] for q in (
        p.learner, p.changed(first_order=True)))
    assert compare("", full, first) > 1e-3
    assert laws.first_order(Iteration(RL2(RecurrentPolicy(1, Categorical(3), 4), trials=3), FAMILY,
                                      0)) == ""


def test_the_laws_of_learners_stand_from_the_most_basic_to_the_least():
    assert [(law.name, law.gate) for law in laws.LAWS] == [
        ("runs", 0), ("pure", 0), ("zero rate", 1e-12), ("doubled rate", 1e-9), ("separate", 1e-12),
        ("permuted", 1e-6), ("padding", 0), ("dtype", 0), ("pickles", 0), ("meta-gradient", 1e-12)]
    suite = check_learner.suite(MAML(POLICY, trials=4), FAMILY, complex_safe=False)
    assert [law.name for law in suite.laws] == [law.name for law in laws.LAWS]
    report = check_learner.report(MAML(POLICY, trials=4), FAMILY, complex_safe=False,
                                  skip=[law.name for law in laws.LAWS])
    assert report.gates == {law.name: law.gate for law in laws.LAWS} | {"meta-gradient": 1e-6}
    assert str(report).startswith("MAML on BernoulliBandit(")


def test_a_learner_is_checked_on_a_family_of_other_sizes_too():
    room = GridNavigation(3, horizon=4)
    report = check_learner(MAML(MLPPolicy(9, Categorical(5), (3,)), trials=3), room, seed=2,
                           skip=("meta-gradient",))
    assert "padding" in report.counts and not report.failed


def test_a_first_order_learner_must_break_the_last_law_and_those_that_you_name():
    learner, named = MAML(POLICY, trials=4, first_order=True), {"zero rate": "so"}
    suite = check_learner.suite(learner, FAMILY, expect_failure=named)
    assert suite.expect_failure == named | {"meta-gradient": "first_order leaves out the Hessians"}
    own = check_learner.suite(learner, FAMILY, expect_failure={"meta-gradient": "mine"})
    assert own.expect_failure == {"meta-gradient": "mine"}


def test_the_hint_names_a_first_order_gradient_in_float32_too():
    p = Iteration(MAML(POLICY, trials=4, dtype=np.float32, first_order=True), FAMILY, 0)
    assert "it is the first-order gradient" in laws.meta_gradient(p).hint


def test_complex_safe_is_true_by_default():
    every = [law.name for law in laws.LAWS]
    assert check_learner.report(MAML(POLICY, trials=4), FAMILY,
                                skip=every).gates["meta-gradient"] == 1e-12


def test_data_without_a_mask_have_no_padding():
    p = Iteration(RegressionMAML(MLP((1, 5, 1))), Sinusoid(), 0)
    with pytest.raises(DoesNotApply, match="the data have no mask"):
        laws.padding(p).send(None)
