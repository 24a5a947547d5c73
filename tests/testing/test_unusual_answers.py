"""Answers of another form than was promised, and laws that do not apply: each is told, none passes
unseen."""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from minimeta import GRU, LSTM, MLP, Categorical, Gaussian, MLPPolicy
from minimeta.testing import (LawBroken, check_function, check_map, check_policy, check_recurrent,
                              complex_step, memory, purity, tangent, tasks)
from minimeta.testing.differences import nearest
from minimeta.testing.hints import hint
from minimeta.testing.map_hints import part_of
from minimeta.testing.nests import leaves
from user_code import Recurrent

RNG = np.random.default_rng(0)
MAP, SEQUENCE = (7, 3), (6, 5, 3)


# ---- functions

def test_a_batch_that_gives_another_nest_than_a_task_is_caught():
    error = tasks(lambda x: [x] * x.ndim, np.ones((2, 3)))
    assert error == np.inf and "a batch and a task alone give nests that differ" in str(error)


def test_an_error_that_is_not_about_read_only_arguments_is_raised():
    def stubborn(x):
        if not x.flags.writeable:
            raise ValueError("x must be mine")
        return x

    with pytest.raises(ValueError, match="x must be mine"):
        purity(stubborn, np.ones(2))


def test_memory_names_a_refusal_of_broadcast_arguments():
    def in_place(x):
        x += 0
        return x

    assert "a read-only argument was refused" in str(memory(in_place, np.ones((3, 2))))


def test_a_tangent_of_another_shape_is_caught_whichever_rule_judges():
    def short(theta, v):
        return v[:-1] * np.cos(theta[:-1])

    for options in ({}, {"slope": nearest}):
        error = tangent(np.sin, short, np.ones(3), np.ones(3), **options)
        assert error == np.inf and "shape" in str(error)


def test_a_value_in_a_list_is_one_value():
    assert complex_step(lambda t: [(t ** 2).sum()], lambda t: 2 * t, np.arange(1.0, 4.0)) < 1e-12


class Pair(NamedTuple):
    W: np.ndarray
    b: float


def test_a_function_of_a_named_tuple_keeps_its_names():
    point = Pair(np.ones((2, 3)), 2.0)
    check_function(lambda p: (p.W ** 2).sum() * p.b, lambda p: Pair(
        2 * p.W * p.b, (p.W ** 2).sum()), point)
    with pytest.raises(LawBroken, match=r"complex step.*W is 1/2 of true, throughout"):
        check_function(lambda p: (p.W ** 2).sum() * p.b, lambda p: Pair(
            p.W * p.b, (p.W ** 2).sum()), point)


def test_the_reason_for_differences_is_printed_once_for_all_laws():
    x = np.array([1.0, -2.0, 3.0])
    report = check_function(lambda x: (np.abs(x) ** 3).sum(), lambda x: 3 * x * np.abs(x), x,
                            lambda x, v: 6 * np.abs(x) * v, lambda x: 3 * x * np.abs(x))
    assert len(report.notes) == len(set(report.notes)) and "since" in report.notes[0]


# ---- hints

def test_a_block_of_which_not_all_coordinates_are_there_gets_no_hint_of_its_own():
    names = ["W[0, 0]", "W[1, 1]", "W[2, 2]", "b[0]", "b[1]", "b[2]"].__getitem__
    true = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    gap = np.array([0.1, 0.5, -0.4])
    words = hint(true + np.append(gap, [0, 0, 0]), true, (1,), names, {})
    assert words.startswith("everything except W is right")
    both = true + np.append(gap, -true[3:])
    assert hint(both, true, (5,), names, {}) == "b is zero: it was forgotten"
    two_tasks = np.stack([true, both]), np.stack([true, true])
    assert hint(*two_tasks, (1, 5), names, {}) == "b is zero: it was forgotten"


def test_a_part_that_is_taken_another_number_of_times_is_counted():
    part = RNG.normal(size=5)
    assert part_of(1.5 * part, {"x_dot": part}) == "x_dot is taken 2.5 times"
    assert part_of(-part, {"nothing": 0 * part, "x_dot": part}, " in W") == "x_dot is missing in W"


def test_a_gradient_of_nan_is_caught():
    class Lost(MLP):
        def vjp(self, theta, cache, y_bar):
            theta_bar, x_bar = super().vjp(theta, cache, y_bar)
            return np.nan * theta_bar, x_bar

    with pytest.raises(LawBroken, match="^complex step: worst at .*: claimed nan, true"):
        check_map(Lost((3, 4, 2)), MAP, leads=((),), scales=(0.3,))


def test_a_broken_map_with_many_parameters_is_caught_without_a_look_at_each_output():
    class Doubled(MLP):
        def vjp(self, theta, cache, y_bar):
            theta_bar, x_bar = super().vjp(theta, cache, y_bar)
            return 2 * theta_bar, x_bar

    with pytest.raises(LawBroken, match="complex step"):
        check_map(Doubled((3, 40, 20)), MAP, leads=((),), scales=(0.3,))


# ---- maps and policies

class NoSecondOrder:
    """A linear layer without vjp_dot."""

    def __init__(self):
        self.net = MLP((3, 4))
        self.size, self.layout = self.net.size, self.net.layout
        self.forward, self.jvp, self.vjp = self.net.forward, self.net.jvp, self.net.vjp


def test_a_map_without_second_order_is_checked_by_what_it_has():
    report = check_map(NoSecondOrder(), MAP)
    assert {law: report.skipped[law] for law in ("second", "symmetry")} == dict.fromkeys(
        ("second", "symmetry"), "the map has no vjp_dot")
    assert {"tangent", "complex step", "transpose", "memory"} <= set(report.counts)


@dataclass(frozen=True)
class Nothing:
    """A dataclass without a field, whose attribute is set by hand."""


def test_an_object_whose_attributes_are_no_fields_is_opened_too():
    nothing = Nothing()
    object.__setattr__(nothing, "found", np.ones(3))
    assert [leaf.size for leaf in leaves(nothing)] == [3]


def test_no_grid_is_laid_over_three_dimensions_of_an_action():
    report = check_policy(MLPPolicy(2, Gaussian(3), (4,)), leads=((),), scales=(0.3,))
    assert "a grid over 3 dimensions of an action is too large" in report.skipped.values()


def test_parameters_that_begin_as_nan_are_caught():
    class Unborn(MLPPolicy):
        def init(self, rng, dtype=np.float64):
            return super().init(rng, dtype) * np.array(np.nan, dtype)

    with pytest.raises(LawBroken, match="^init: .*init gives parameters that are not finite"):
        check_policy(Unborn(2, Categorical(3), (4,)), leads=((),), scales=(0.3,))


# ---- recurrent maps

class ListOfStates(Recurrent):
    def initial_state(self, theta, B):
        return list(super().initial_state(theta, B))


class StateOfOneEpisode(Recurrent):
    def initial_state(self, theta, B):
        return tuple(s[..., :1, :] for s in super().initial_state(theta, B))

    def unroll(self, theta, state, x):
        shape = x.shape[:-3] + (x.shape[-2], self.H)
        return super().unroll(theta, tuple(np.broadcast_to(s, shape) for s in state), x)


class StatesThatDiffer(Recurrent):
    def initial_state(self, theta, B):
        return tuple(s + np.arange(B)[:, None] for s in super().initial_state(theta, B))


@pytest.mark.parametrize("net, words", [
    (ListOfStates(), "a state is a tuple of arrays"), (StateOfOneEpisode(), "a state has shape"),
    (StatesThatDiffer(), "episodes begin in different states")])
def test_an_initial_state_of_another_form_is_the_headline(net, words):
    report = check_recurrent.report(net, SEQUENCE, leads=((),), scales=(0.3,))
    assert words in str(report.failed["state"]) and next(iter(report.failed)) == "state"


def test_one_step_of_one_episode_is_checked_by_what_applies():
    report = check_recurrent(LSTM(3, 5, 2), (1, 1, 3), leads=((),), scales=(0.3,))
    assert report.skipped["cut in two"] == report.skipped["causality"] == "there is one step only"
    assert report.skipped["rows"] == "there is one episode only" and "stepping" in report.counts


class WithoutMemory:
    """A recurrent map of the user's own that does not tell its state."""

    def __init__(self):
        self.net = GRU(3, 4, 2)
        for name in ("size", "layout", "initial_state", "step", "jvp", "vjp", "vjp_dot", "forward",
                     "unroll", "unroll_jvp", "unroll_vjp", "unroll_vjp_dot"):
            setattr(self, name, getattr(self.net, name))


def test_the_report_names_the_part_of_the_contract_that_a_network_lacks():
    net = WithoutMemory()
    report = check_recurrent.report(net, SEQUENCE, leads=((),), scales=(0.3,))
    assert "has no attribute 'state" in str(report.failed["stepping"])
    del net.unroll
    report = check_recurrent.report(net, SEQUENCE, leads=((),), scales=(0.3,))
    assert "no attribute 'unroll'" in str(report.failed["stepping"])
    assert "complex step" not in report.failed
