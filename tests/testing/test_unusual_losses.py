"""Losses, surrogates and learners that answer in another form than was promised, or to which some
laws do not apply: each is told, none passes unseen."""
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

from minimeta import MAML, Categorical, MLPPolicy
from minimeta.objective import ClippedRatio, Ratio
from minimeta.tasks import BernoulliBandit, RandomMDP
from minimeta.testing import LawBroken, check_learner, check_scalar, check_surrogate
from user_code import CrossEntropy

RNG = np.random.default_rng(0)
FAMILY, POLICY = RandomMDP(10, 5, 6), MLPPolicy(10, Categorical(5), (6,))
LABELS, Y = RNG.integers(4, size=(2, 6)), RNG.normal(size=(2, 6, 4))
A, L, L_OLD = RNG.normal(size=(3, 2, 6, 4))
MASK = np.arange(6)[:, None] < np.array([[[6, 3, 1, 5]], [[2, 6, 6, 4]]])


# ---- scalars

def test_a_loss_that_stops_complex_numbers_can_be_judged_by_differences():
    class Absolute(CrossEntropy):
        def log_p(self, y):
            return np.log(np.abs(np.exp(y))) - np.log(np.abs(np.exp(y).sum(-1, keepdims=True)))

    report = check_scalar(Absolute(LABELS), Y, complex_safe=False)
    assert report.skipped["complex step"] == "complex_safe=False" and report.counts["second"]


class OneForEachRow:
    def value(self, y):
        return y[0].sum(-1)


class OfAnotherShape(CrossEntropy):
    def grad(self, y):
        return super().grad(y).sum(-1)


def test_values_and_gradients_of_another_shape_are_caught():
    with pytest.raises(ValueError, match=r"value\(y\) must be one number or one for each .*\[6\]"):
        check_scalar(OneForEachRow(), Y)
    with pytest.raises(LawBroken, match="grad and hvp must have the shape of y"):
        check_scalar(OfAnotherShape(LABELS), Y)


class Plain:
    """A loss of one task without second order."""

    def value(self, y):
        return (y ** 3).sum()

    def grad(self, y):
        return 3 * y ** 2


def test_a_loss_of_one_task_without_second_order_is_checked_by_what_it_has():
    report, without = check_scalar(Plain(), Y[0]), "the scalar has no hvp"
    assert report.skipped == {
        "second": without, "symmetry": without, "tasks": "there are no two tasks"}


@pytest.mark.parametrize("surrogate, reason", [
    (Ratio(A, L_OLD), "the surrogate has no mask"),
    (Ratio(A, L_OLD, np.ones_like(MASK)), "the mask leaves nothing out")])
def test_where_nothing_is_masked_padding_does_not_apply(surrogate, reason):
    assert check_surrogate(surrogate, L_OLD + 0.1 * L).skipped["padding"] == reason


class ReadsPadding(Ratio):
    def value(self, l):
        return super().value(l) + 1e-3 * l[..., -1, :].sum(-1)

    def grad(self, l):
        grad = super().grad(l)
        grad[..., -1, :] += 1e-3
        return grad


class PushesPadding(ClippedRatio):
    def grad(self, l):
        return super().grad(l) + 1e-3 * ~self.mask


@pytest.mark.parametrize("kind, words", [
    (ReadsPadding, "l outside of the mask changes the results"),
    (PushesPadding, "a derivative outside of the mask is not 0")])
def test_a_surrogate_that_reads_its_padding_is_caught(kind, words):
    report = check_surrogate.report(kind(A, L_OLD, MASK), L_OLD + 0.1 * L)
    assert words in str(report.failed["padding"])


# ---- learners

class Longer(MAML):
    def update(self, *args):
        theta, state, row = super().update(*args)
        return np.append(theta, 0), state, row


class Unfinite(MAML):
    def update(self, *args):
        theta, state, row = super().update(*args)
        return theta, state, row | {"loss": np.nan, "words": "none"}


class Idle(MAML):
    def adapt(self, theta, history):
        return np.broadcast_to(theta, (len(history[0].x),) + theta.shape)


class Forgets(MAML):
    def __reduce__(self):
        return partial(replace, MAML(POLICY, trials=4), alpha=0.3), ()


@pytest.mark.parametrize("learner, law, words", [
    (Longer, "runs", "update must give theta"), (Unfinite, "runs", "loss is not finite"),
    (Idle, "doubled rate", "adapting changes nothing at all"),
    (Forgets, "pickles", "a pickled learner does something else")])
def test_a_learner_that_answers_in_another_form_is_caught(learner, law, words):
    report = check_learner.report(learner(POLICY, trials=4), FAMILY)
    assert words in str(report.failed[law])


@dataclass(frozen=True)
class OfOnePrecision:
    """A learner that inherits nothing and has no dtype."""

    alpha: float = 0.1

    policy, rounds = POLICY, 1

    def __getattr__(self, verb):
        if verb not in ("init", "collect", "adapt", "update", "meta_gradient"):
            raise AttributeError(verb)
        return getattr(MAML(POLICY, self.alpha, trials=4, dtype=np.float64), verb)


def test_a_learner_without_a_dtype_is_checked_by_all_other_laws():
    report = check_learner(OfOnePrecision(), FAMILY)
    assert report.skipped["dtype"] == "the learner has no dtype"
    assert {"runs", "zero rate", "meta-gradient", "pickles"} <= set(report.counts)


def test_trials_of_one_step_have_no_padding():
    report = check_learner(MAML(MLPPolicy(1, Categorical(3), (4,)), trials=4),
                           BernoulliBandit(3, 1))
    assert report.skipped["padding"] == "no trial ends early"
