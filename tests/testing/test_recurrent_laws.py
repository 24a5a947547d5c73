"""The laws of a memory: the point at which they look, and a network that breaks each of them and no
other."""
import re

import numpy as np
import pytest

from minimeta import GRU, LSTM
from minimeta.testing import check_recurrent, complex_step, tangent, transpose
from minimeta.testing.recurrent_laws import LAWS, RecurrentProbe, Unrolled, UnrolledProbe

X = (6, 5, 3)
FORMS = ("size", "layout", "forward", "jvp", "vjp", "vjp_dot", "initial_state", "step", "unroll",
         "unroll_jvp", "unroll_vjp", "unroll_vjp_dot", "state_after")


class Net:
    """An LSTM, some of whose forms are others."""

    def __init__(self, kind=LSTM, **others):
        self.net = kind(3, 4, 2)
        for name in FORMS:
            setattr(self, name, getattr(self.net, name))
        for name, other in others.items():
            setattr(self, name, lambda *args, form=getattr(self.net, name), other=other, **named: (
                other(form, *args, **named)))


def failed(x=X, **others):
    report = check_recurrent.report(Net(**others), x, leads=((2,),), scales=(0.5,),
                                    skip=("central difference",))
    return report, list(report.failed)


def test_what_is_right_passes_with_two_steps_of_two_episodes_as_well():
    for kind in (LSTM, GRU):
        report = check_recurrent(Net(kind), (2, 2, 3), leads=((), (2,)), scales=(0.5,))
        assert not report.skipped and report.counts == dict.fromkeys(report.gates, 2) | {"tasks": 1}
    assert not check_recurrent(Net(), (3, 2, 3), leads=((1,),), scales=(0.5,)).failed


def more_at_the_end(step, theta, state, x):
    y, state = step(theta, state, x)
    return y, (*state[:-1], state[-1] + 1e-6)


def more_in_y(step, theta, state, x):
    y, state = step(theta, state, x)
    return y + 1e-6, state


def other_beginning(initial_state, theta, B):
    return tuple(s + 1e-6 for s in initial_state(theta, B))


@pytest.mark.parametrize("other", [dict(step=more_at_the_end), dict(step=more_in_y),
                                   dict(initial_state=other_beginning)])
def test_steps_give_the_outputs_and_the_states_of_the_unroll(other):
    report, laws = failed(**other)
    assert laws[0] == "stepping" and 1e-8 < report["stepping"] < 1e-4
    assert set(laws) <= {"stepping", "ends"}
    if other == dict(step=more_in_y):
        words = re.search(r"claimed (\S+), true (\S+)$", report["stepping"].detail)
        assert float(words[1]) > float(words[2])


@pytest.mark.parametrize("n", range(1, 7))
def test_a_state_after_any_number_of_steps_is_looked_at(n):
    def off(state_after, cache, n_steps=None):
        found = state_after(cache, n_steps)
        is_off = np.zeros(1) if n_steps is None else n_steps == n
        return tuple(s + is_off[..., None] for s in found)

    report, laws = failed(state_after=off)
    assert laws == (["ends"] if n < 6 else [])   # there are 5 episodes
    if n < 6:
        words = re.search(r"claimed (\S+), true (\S+)$", report["ends"].detail)
        assert float(words[1]) - float(words[2]) == pytest.approx(1)


def test_an_output_that_depends_on_a_later_input_is_caught():
    def peeks(forward, theta, x):
        y, cache = forward(theta, x)
        return y + 1e-3 * x[..., -1:, :, :2], cache

    report, laws = failed(forward=peeks)
    assert "causality" in laws and "rows" not in laws
    assert report["causality"].hint == "an output depends on an input that comes after"
    assert report["causality"].detail.startswith("worst at")
    assert failed()[0]["causality"].detail == "no output depends on a later input"


def test_an_output_that_depends_on_another_episode_is_caught():
    def mixes(forward, theta, x):
        y, cache = forward(theta, x)
        return y + 1e-6 * x[..., -1:, :2], cache

    report, laws = failed(forward=mixes)
    assert "rows" in laws and "causality" not in laws and 1e-8 < report["rows"] < 1e-4


def test_the_next_input_and_the_next_episode_are_later_and_other_ones_too():
    def peeks(forward, theta, x):
        y, cache = forward(theta, x)
        y[..., :-1, :, :] += 1e-3 * x[..., 1:, :, :2]
        return y, cache

    def mixes(forward, theta, x):
        y, cache = forward(theta, x)
        y[..., :-1, :] += 1e-3 * x[..., 1:, :2]
        return y, cache

    assert "causality" in failed(forward=peeks)[1] and "rows" in failed(forward=mixes)[1]


def test_a_state_that_lacks_an_array_does_not_pass():
    report, laws = failed(state_after=lambda form, *args: form(*args)[:1])
    assert {"stepping", "cut in two", "ends"} <= set(laws)


def test_a_wrong_last_state_is_caught_where_trials_end_early():
    report, laws = failed(state_after=lambda form, cache, n_steps=None: form(cache))
    assert laws == ["ends"] and report["ends"] > 0.1
    late = failed(state_after=lambda form, cache, n_steps=None: form(
        cache, n_steps if n_steps is None else np.minimum(n_steps + 1, 6)))
    assert late[1] == ["ends"]


def of_state(k, factor):
    """Another factor for a part of the state."""
    def other(states):
        return tuple(s * (factor if i == k else 1) for i, s in enumerate(states))
    return other


@pytest.mark.parametrize("k", [0, 1])
def test_a_wrong_tangent_or_cotangent_of_any_state_is_caught(k):
    off = of_state(k, 1 + 1e-6)

    def jvp(form, theta, cache, theta_dot, state_dot, x_dot):
        return form(theta, cache, theta_dot, off(state_dot), x_dot)

    def vjp_in(form, theta, cache, y_bar, state_bar):
        return form(theta, cache, y_bar, off(state_bar))

    def vjp_out(form, theta, cache, y_bar, state_bar):
        theta_bar, state_bar, x_bar = form(theta, cache, y_bar, state_bar)
        return theta_bar, off(state_bar), x_bar

    def vjp_dot_in(form, *args):
        return form(*args[:-1], off(args[-1]))

    def vjp_dot_out(form, *args):
        theta_bar_dot, state_bar_dot, x_bar_dot = form(*args)
        return theta_bar_dot, off(state_bar_dot), x_bar_dot

    assert failed(unroll_jvp=jvp)[1] == ["unrolled tangent", "unrolled transpose",
                                         "unrolled second"]
    backward = ["unrolled complex step", "unrolled transpose", "unrolled second"]
    for other in (vjp_in, vjp_out):
        assert failed(unroll_vjp=other)[1] == ["cut in two", *backward]
    for other in (vjp_dot_in, vjp_dot_out):
        assert failed(unroll_vjp_dot=other)[1] == ["unrolled second"]


@pytest.mark.parametrize("form, at, laws", [
    ("unroll_jvp", 2, ["unrolled tangent", "unrolled transpose"]),
    ("unroll_jvp", 4, ["unrolled tangent", "unrolled transpose"]),
    ("unroll_vjp", 2, ["cut in two"]), ("unroll_vjp_dot", 2, ["unrolled second"]),
    ("unroll_vjp_dot", 4, ["unrolled second"]), ("unroll_vjp_dot", 6, ["unrolled second"])])
def test_each_argument_of_an_unrolled_form_is_checked(form, at, laws):
    def other(form, *args):
        return form(*args[:at], (1 + 1e-6) * args[at], *args[at + 1:])

    found = failed(**{form: other})[1]
    assert found[:len(laws)] == laws or form == "unroll_vjp" and "unrolled complex step" in found


@pytest.mark.parametrize("part", [0, 2])
@pytest.mark.parametrize("form", ["unroll_vjp", "unroll_vjp_dot"])
def test_each_part_of_an_unrolled_gradient_is_checked(form, part):
    def other(form, *args):
        found = list(form(*args))
        found[part] = found[part] * (1 + 1e-6)
        return tuple(found)

    assert "unrolled second" in failed(**{form: other})[1]


def test_a_gradient_that_two_halves_do_not_share_is_cut_in_two():
    """The gradient of a single unroll is right; that of three steps is not."""
    def short(form, theta, cache, y_bar, state_bar):
        bars = form(theta, cache, y_bar, state_bar)
        return (bars[0] * (1 + 1e-6 * (y_bar.shape[-3] == 3)), *bars[1:])

    assert failed(unroll_vjp=short)[1] == ["cut in two"]


def test_outputs_and_states_of_two_halves_are_those_of_the_whole():
    def restarts(form, theta, state, x):
        y, cache = form(theta, state, x)
        return y + 1e-6 * (x.shape[-3] == 3), cache

    assert failed(unroll=restarts)[1] == ["cut in two"]


# ---- the point at which they look

def probe(lead=(2,), kind=LSTM):
    return RecurrentProbe(kind(3, 4, 2), X, lead, 0.5, 0, 0)


@pytest.mark.parametrize("lead", [(), (2,), (2, 7)])
@pytest.mark.parametrize("kind, n_states", [(LSTM, 2), (GRU, 1)])
def test_the_unroll_is_a_map_that_knows_its_derivatives(lead, kind, n_states):
    p = probe(lead, kind)
    assert (p.T, p.B) == X[:2] and len(p.state) == n_states
    assert {s.shape for s in (*p.state, *p.state_dot, *p.state_bar, *p.state_bar_dot)} == {
        lead + (5, 4)}
    assert len({s.tobytes() for s in (*p.state, *p.state_dot, *p.state_bar, *p.state_bar_dot)}) == (
        4 * n_states)
    u = UnrolledProbe(p)
    n = p.net.size + n_states * 20 + 90
    assert u.z.shape == u.u.shape == u.v.shape == lead + (n,) and u.layout.size == n
    assert u.a.shape == u.b.shape == u.y_bar_dot.shape == lead + (60 + n_states * 20,)
    assert u.layout.name(p.net.size) == "state0[0, 0]" and u.layout.name(n - 90) == "x[0, 0, 0]"
    assert complex_step(u.value, u.grad, u.z, name=u.layout.name, limit=0) < 1e-13
    assert tangent(u.y, u.y_dot, u.z, u.v) < 1e-13
    assert transpose(u.y_bar(u.y(u.z)), u.y_dot(u.z, u.v), u.grad(u.z), u.v) < 1e-13
    claimed = u.pull_dot(u.v, u.y_bar_dot)
    assert np.allclose(claimed, u.slope_of_pull(u.v, u.y_bar_dot), rtol=0,
                       atol=1e-12 * np.abs(claimed).max())
    assert len({a.tobytes() for a in (u.a, u.b, u.y_bar_dot)}) == 3 and u.S == 1 and u.sizes == {}


@pytest.mark.parametrize("lead", [(), (2,)])
def test_vectors_of_the_unroll_come_apart_as_they_were_put_together(lead):
    p = probe(lead)
    u = UnrolledProbe(p)
    theta, state, x = u.parts(u.z)
    assert np.array_equal(theta, p.theta) and np.array_equal(x, p.x)
    assert all(map(np.array_equal, state, p.state))
    y, last, _ = p.unroll(p.x, p.state)
    assert np.array_equal(u.y(u.z), u.flat.out(y, last))
    y_bar, state_bar = u.bars(u.flat.out(y, last))
    assert np.array_equal(y_bar, y) and all(map(np.array_equal, state_bar, last))
    shapes = [s.shape for s in p.state]
    assert Unrolled(p.net, shapes, lead).states.shapes == (("state0", (5, 4)), ("state1", (5, 4)))


def test_the_laws_of_recurrent_maps_stand_from_the_most_basic_to_the_least():
    assert [(law.name, law.gate) for law in LAWS] == [
        ("state", 0), ("purity", 0), ("tangent", 1e-12), ("complex step", 1e-12),
        ("central difference", 1e-7), ("transpose", 1e-13), ("second", 1e-12), ("symmetry", 1e-13),
        ("stepping", 1e-12), ("cut in two", 1e-12), ("causality", 0), ("rows", 1e-12),
        ("ends", 1e-12), ("unrolled tangent", 1e-12), ("unrolled complex step", 1e-12),
        ("unrolled transpose", 1e-13), ("unrolled second", 1e-12), ("tasks", 1e-12),
        ("memory", 1e-12), ("precision", 0)]


def test_a_memory_that_is_not_complex_safe_is_judged_by_differences():
    def real(form, *args):
        y, cache = form(*args)
        return np.real(y), cache

    net = Net(forward=real, unroll=real)
    at = dict(leads=((),), scales=(0.5,))
    assert {"tangent", "unrolled tangent"} <= set(check_recurrent.report(net, X, **at).failed)
    report = check_recurrent(net, X, complex_safe=False, **at)
    assert report.counts["unrolled tangent"] == 1 and "complex step" in report.skipped
