"""check_map: what it runs, what it refuses, and what it says when a map is wrong."""
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import LSTM, MLP, Layout
from minimeta.testing import check_map, map_report
from minimeta.testing.differences import complex_slope, nearest
from minimeta.testing.map_hints import (along_rows, by_block, explain, in_block, is_close, moved,
                                        only, part_of)
from minimeta.testing.map_probe import MapProbe
from minimeta.testing.suite import DoesNotApply


@dataclass(frozen=True)
class Scale:
    """A map that a user could write: y = theta x, elementwise."""

    size: int = 3

    @property
    def layout(self):
        return Layout(gain=(self.size,))

    def forward(self, theta, x):
        return theta[..., None, :] * x, x

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x_dot = np.zeros_like(cache) if x_dot is None else x_dot
        return theta_dot[..., None, :] * cache + theta[..., None, :] * x_dot, x_dot

    def vjp(self, theta, cache, y_bar):
        return (y_bar * cache).sum(-2), y_bar * theta[..., None, :]

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return ((y_bar_dot * cache + y_bar * cache_dot).sum(-2),
                y_bar_dot * theta[..., None, :] + y_bar * theta_dot[..., None, :])


class Averaging(Scale):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return theta_bar / 5, x_bar


class Misshapen(Scale):
    def vjp(self, theta, cache, y_bar):
        return y_bar * cache, y_bar * theta[..., None, :]


def test_a_map_that_a_user_wrote_passes():
    report = check_map(Scale(), (5, 3), leads=((), (2,), (4, 2)))
    assert set(report.counts.values()) == {4, 6} and not report.failed


@pytest.mark.parametrize("net, x_shape", [
    (MLP((3, 5, 2)), (7, 3)), (LSTM(3, 5, 2), (6, 4, 3))])
def test_every_law_is_run_in_every_case(net, x_shape):
    report = check_map(net, x_shape, leads=((), (2,)), scales=(0.1, 0.5, 1.0))
    assert report.counts == dict.fromkeys(report.gates, 6) | {"tasks": 3}
    assert max(report[law] for law in ("complex step", "tangent", "second")) < 1e-13


def test_a_failure_names_the_law_the_coordinate_the_seed_and_the_factor():
    with pytest.raises(AssertionError) as failure:
        check_map(Averaging(), (5, 3), seed=11)
    text = str(failure.value)
    assert "complex step: relative error" in text and "worst at gain[" in text
    assert "gain is 1/5 of true, throughout" in text and "seed 11" in text and "x [" in text


def test_a_vjp_of_the_wrong_shape_is_an_error_at_once():
    with pytest.raises(AssertionError, match=r"\[3\] and \[5, 3\], got \[5, 3\] and"):
        check_map(Misshapen(), (5, 3))


def test_inputs_may_be_given():
    one_hot = np.eye(3)[[0, 2, 1, 1, 0]]
    assert not map_report(Scale(), one_hot).failed


def test_the_same_seed_gives_the_same_report():
    these, those = (str(check_map(MLP((3, 5, 2)), (7, 3), seed=4)) for _ in range(2))
    assert these == those


# ---- how a map is called

class Tagged(Scale):
    """Its caches tell which form they are of."""

    def forward(self, theta, x):
        y, cache = super().forward(theta, x)
        return y, ("forward", cache)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        y_dot, cache_dot = super().jvp(theta, self.opened(cache, "forward"), theta_dot, x_dot)
        return y_dot, ("jvp", cache_dot)

    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, self.opened(cache, "forward"), y_bar)

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return super().vjp_dot(theta, self.opened(cache, "forward"), y_bar, theta_dot,
                               self.opened(cache_dot, "jvp"), y_bar_dot)

    def opened(self, cache, tag):
        assert cache[0] == tag
        return cache[1]


def test_each_form_gets_the_cache_of_its_own_forward_pass():
    assert not check_map(Tagged(), (5, 3)).failed


class Keeps(Scale):
    """Its caches keep the point, and every form must come with the same one."""

    def forward(self, theta, x):
        y, cache = super().forward(theta, x)
        return y, (theta, cache)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        y_dot, cache_dot = super().jvp(theta, self.at(theta, cache), theta_dot, x_dot)
        return y_dot, (theta_dot, cache_dot)

    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, self.at(theta, cache), y_bar)

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return super().vjp_dot(theta, self.at(theta, cache), y_bar, theta_dot,
                               self.at(theta_dot, cache_dot), y_bar_dot)

    def at(self, theta, cache):
        assert np.array_equal(theta, cache[0]), "another point"
        return cache[1]


def test_each_form_gets_the_point_of_its_cache():
    assert not check_map(Keeps(), (5, 3)).failed


class OneHotOnly(MLP):
    def forward(self, theta, x):
        if not np.isin(x.real, (0, 1)).all():
            raise ValueError("rows must be one-hot")
        return super().forward(theta, x)


def test_only_differences_evaluate_the_map_at_other_inputs():
    report = map_report(OneHotOnly((3, 4, 2)), np.eye(3)[[0, 2, 0, 1, 1]])
    assert list(report.failed) == ["central difference"]
    assert "rows must be one-hot" in str(report["central difference"])


def test_empty_leads_or_scales_raise_ValueError():
    for empty in ({"leads": ()}, {"scales": ()}):
        with pytest.raises(ValueError, match="leads and scales must hold one case each at least"):
            check_map(Scale(), (5, 3), **empty)


def test_a_report_is_about_the_map_and_its_size():
    assert str(check_map(Scale(), (5, 3))).startswith("Scale(size=3), P = 3\n")


# ---- the point at which it is looked at

def probe(net=MLP((3, 4, 2)), x=(5, 3), lead=(2,), scale=1.0, seed=0, number=0, complex_safe=True):
    return MapProbe(net, x, lead, scale, seed, number, complex_safe)


def test_a_point_has_the_promised_shapes_and_says_so():
    p = probe(lead=(2, 6), scale=0.5, seed=3, number=1)
    n = p.net.size
    assert p.theta.shape == (2, 6, n) and p.x.shape == (2, 6, 5, 3) and p.z.shape == (2, 6, n + 15)
    assert p.a.shape == p.b.shape == p.y_bar_dot.shape == (2, 6, 5, 2)
    assert p.u.shape == p.v.shape == p.z.shape and p.sizes == {"R": 5, "m": 2}
    assert p.context == (f"seed 3, case 1: theta [2, 6, {n}] of scale 0.5, x [2, 6, 5, 3], "
                         "y [2, 6, 5, 2]")
    assert p.layout.name(n) == "x[0, 0]" and p.layout.size == n + 15
    assert probe(LSTM(3, 4, 2), (7, 5, 3), ()).sizes == {"T": 7, "B": 5, "m": 2}
    assert probe(Elementwise(), (3,)).sizes == {}


def test_the_scale_is_the_spread_of_theta_and_not_of_x():
    for scale in (0.1, 3.0):
        p = probe(MLP((30, 40, 20)), (50, 30), scale=scale)
        assert 0.95 * scale < p.theta.std() < 1.05 * scale and 0.95 < p.x.std() < 1.05


def test_another_seed_or_case_is_another_point():
    points = [probe(seed=s, number=n) for s, n in ((0, 0), (0, 1), (1, 0), (0, 0))]
    first, *others, again = (p.z for p in points)
    assert np.array_equal(first, again) and not any(np.allclose(first, z) for z in others)


def test_the_scalar_of_a_map_is_curved_and_no_sharper_than_its_outputs():
    for scale, seed in ((0.1, 0), (30.0, 0), (30.0, 1), (30.0, 2), (30.0, 3)):
        p = probe(scale=scale, seed=seed)
        y = p.net.forward(p.theta, p.x)[0]
        S = max(1.0, np.abs(y).max())
        assert p.S == S and (S > 2) == (scale > 1)
        assert np.allclose(p.value(p.z), (p.a * y - p.b * S * np.cos(y / S)).sum((-2, -1)))
        assert np.allclose(p.y_bar(y), p.a + p.b * np.sin(y / S))
        assert len({a.tobytes() for a in (p.a, p.b, p.y_bar_dot)}) == 3


def test_theta_and_x_are_joined_and_split_again():
    p = probe(lead=(2,))
    theta, x = p.split(p.z)
    assert np.array_equal(theta, p.theta) and np.array_equal(x, p.x)
    assert np.array_equal(p.join(theta, x), p.z)
    with pytest.raises(AssertionError,
                       match=r"\[2, 26\] and \[2, 5, 3\], got \[26\] and \[2, 5, 3\]"):
        p.join(theta[0], x)


@pytest.mark.parametrize("slope", [complex_slope, nearest])
def test_the_tangent_of_the_vjp_is_its_slope(slope):
    p = probe()
    zero = 0 * p.v, 0 * p.y_bar_dot
    for z_dot, y_bar_dot in ((p.v, p.y_bar_dot), (p.v, zero[1]), (zero[0], p.y_bar_dot)):
        claimed = p.pull_dot(z_dot, y_bar_dot)
        found = p.slope_of_pull(z_dot, y_bar_dot, claimed, slope)
        assert np.allclose(found, claimed, rtol=0, atol=1e-8 * np.abs(claimed).max())
    assert np.abs(claimed).max() > 0.1


def test_only_the_forms_that_a_map_has_are_checked():
    p = probe()
    assert [len(part) if isinstance(part,
                                    tuple) else part.shape for part in p.forms(*p.arguments)] == [
        (2, 5, 2), 2, (2, 5, 2), 2]
    p.net = SimpleNamespace(size=p.net.size, forward=p.net.forward, vjp=p.net.vjp)
    assert len(p.forms(*p.arguments)) == 2
    with pytest.raises(DoesNotApply, match="the map has no jvp"):
        p.needs("jvp")


# ---- hints

class Elementwise(Scale):
    """Of one task's x [3] and of theta [3]: its output has one axis, which has no name."""

    def forward(self, theta, x):
        return np.tanh(theta * x), (theta, x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        (_, x), y = cache, np.tanh(theta * cache[1])
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        return (1 - y * y) * (theta_dot * x + theta * x_dot), (theta_dot, x_dot)

    def vjp(self, theta, cache, y_bar):
        y_bar = self.change((1 - np.tanh(theta * cache[1]) ** 2) * y_bar)
        return y_bar * cache[1], y_bar * theta

    def change(self, y_bar):
        return y_bar

    @property
    def vjp_dot(self):
        raise AttributeError


class WithoutTheLast(Elementwise):
    def change(self, y_bar):
        return y_bar * (np.arange(self.size) < self.size - 1)


def test_an_axis_without_a_name_is_named_by_its_number():
    check_map(Elementwise(), (3,))
    for n in (2, 3):
        report = check_map.report(WithoutTheLast(n), (n,))
        assert report["complex step"].hint == f"what output {n - 1} of axis 0 adds is missing"


class Wrong(Scale):
    """Some of its forms are off by a factor."""

    factor = {"vjp": 1, "jvp": 1, "vjp_dot": 1}

    def jvp(self, *args):
        y_dot, cache_dot = super().jvp(*args)
        return self.factor["jvp"] * y_dot, cache_dot

    def vjp(self, *args):
        return tuple(self.factor["vjp"] * bar for bar in super().vjp(*args))

    def vjp_dot(self, *args):
        return tuple(self.factor["vjp_dot"] * bar for bar in super().vjp_dot(*args))


def wrong(lead=(2,), **factor):
    net = type("Wrong", (Wrong,), {"factor": Wrong.factor | factor})()
    return map_report(net, (1, 3), leads=(lead,), scales=(1.0,))


def test_an_error_a_little_above_the_gate_is_named_by_its_coordinate():
    report = wrong(vjp=1 + 4e-12)
    assert 1e-12 < report["complex step"] < 1e-11
    assert "worst at gain[" in report["complex step"].detail
    blunt = wrong(vjp=1 + 1e-6)["central difference"]
    assert 1e-7 < blunt < 1e-5 and "worst at gain[" in blunt.detail


def test_the_hint_for_a_single_row_does_not_blame_a_mean_over_rows():
    report = wrong(vjp=2)
    words = "claimed is 2 times true, throughout (is one term counted twice?)"
    assert report["complex step"].hint == words


@pytest.mark.parametrize("form, laws", [("jvp", ["tangent", "transpose"]), ("vjp_dot", ["second"])])
def test_a_small_error_of_jvp_or_vjp_dot_is_not_blamed_on_complex_numbers(form, laws):
    report = wrong(**{form: 1 + 1e-9})
    assert set(laws) <= set(report.failed) and "unsafe" not in str(report.failed)
    assert not any("complex-safe" in error.hint for error in report.failed.values())


def test_a_small_error_of_the_gradient_is_not_blamed_on_complex_numbers():
    for lead in ((), (2,)):
        report = wrong(lead, vjp=1 + 1e-9, vjp_dot=1 + 1e-9)
        assert "complex step" in report.failed
        assert not any("complex-safe" in error.hint for error in report.failed.values())


def test_the_hint_names_what_a_block_of_a_hessian_product_lacks():
    class Forgets(Scale):
        def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
            theta_bar_dot, x_bar_dot = super().vjp_dot(theta, cache, y_bar, theta_dot, cache_dot,
                                                       y_bar_dot)
            return theta_bar_dot - (y_bar_dot * cache).sum(-2), x_bar_dot

    assert map_report(Forgets(), (5, 3))["second"].hint == "y_bar_dot is missing in gain"


def test_the_hint_says_that_a_part_of_the_imaginary_number_is_lost():
    class Real(Scale):
        def forward(self, theta, x):
            return theta[..., None, :].real * x, x.real

    for lead in ((), (2,)):
        report = map_report(Real(), (5, 3), leads=(lead,))
        for law in ("tangent", "complex step"):
            assert "the code is not complex-safe" in report[law].hint


def test_a_law_that_has_no_hints_gets_none():
    assert explain(probe(), "memory") == "" and explain(probe(), "precision") == ""


def test_blocks_of_theta_and_x_are_taken_one_at_a_time():
    p = probe()
    found = list(by_block(p))
    assert [name for name, _ in found] == [name for name, _ in p.layout.shapes]
    assert found[-1][0] == "x" and np.array_equal(sum(v for _, v in found), p.v)
    assert all(getattr(p.layout.unpack(v), name).all() for name, v in found)


def test_a_cotangent_is_tried_reversed_and_one_place_late_and_early():
    a = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert [(other.tolist(), words) for other, words in moved(a, 1, "axis T")] == [
        ([[4, 3, 2, 1]], "the outputs are taken in reverse along axis T"),
        ([[4, 1, 2, 3]], "the outputs are one place late along axis T: off by one"),
        ([[0, 1, 2, 3]], "the outputs are one place late along axis T: off by one"),
        ([[2, 3, 4, 1]], "the outputs are one place early along axis T: off by one"),
        ([[2, 3, 4, 0]], "the outputs are one place early along axis T: off by one")]
    assert only(np.ones((2, 3)), 0, 1).tolist() == [[0, 0, 0], [1, 1, 1]]


PART, OTHER = np.random.default_rng(0).normal(size=(2, 6))


@pytest.mark.parametrize("c, says", [
    (-1, "b is missing"), (1, "b is counted twice"), (-2, "b has the wrong sign"),
    (-1 + 5e-6, "b is missing"), (-1 + 2e-5, "b is taken 2e-05 times"),
    (0.5, "b is taken 1.5 times"), (-3, "b is taken -2 times")])
def test_the_hint_names_the_part_that_is_missing_or_counted_twice(c, says):
    parts = {"zero": 0 * PART, "a": OTHER, "b": PART}
    assert part_of(c * PART, parts) == says and part_of(c * PART, parts, " in W") == f"{says} in W"
    assert part_of(c * PART + 1e-10 * OTHER, parts) == says
    assert part_of(c * PART + 1e-3 * OTHER, parts) == ""
    for scale in (1e-9, 1e9):
        assert part_of(scale * (c * PART + 1e-8 * OTHER), {"b": scale * PART})[:4] == says[:4]
        assert part_of(scale * (c * PART + 1e-3 * OTHER), {"b": scale * PART}) == ""


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_what_is_close_does_not_depend_on_the_size(size):
    assert is_close(size * PART, size * (PART + 1e-8 * OTHER))
    assert not is_close(size * PART, size * (PART + 1e-3 * OTHER))
    assert not is_close(size * PART, 0 * PART) and not is_close(0 * PART, size * PART)


def test_the_hint_names_a_part_that_is_missing_in_one_block():
    p = probe(lead=())
    n, gap = p.net.size, 0 * p.v
    parts = {"a": p.u, "b": p.v}
    assert in_block(p, gap, parts) == ""
    last, start = p.layout.shapes[-2][0], p.layout.offsets[-3]
    gap[start:n] = -p.v[start:n]
    gap[n:] = 2 * p.u[n:]
    assert in_block(p, gap, parts) == f"b is missing in {last}"
    gap[:] = 0
    gap[n:] = p.u[n:]
    assert in_block(p, gap, parts) == "a is counted twice in x"


def test_the_hint_names_what_is_wrong_in_each_row_of_x_if_theta_is_right():
    p, c = probe(lead=()), np.random.default_rng(0).normal(size=(5, 1))
    mean = p.x.mean(-1, keepdims=True)

    def gap(x_gap, theta_gap=0.0):
        return p.join(theta_gap + 0 * p.theta, x_gap)

    for x_gap, words in ((c + 0 * p.x, "the same for all of its columns"),
                         (c * p.x, "a multiple of x"),
                         (c * (p.x - mean), "a multiple of x less its mean")):
        told = f"claimed - true of each row of x is {words}: a term is missing or counted twice"
        assert along_rows(p, gap(x_gap)) == told and along_rows(p, gap(x_gap, 0.1)) == ""
    for size in (1e-9, 1.0, 1e9):
        assert along_rows(p, size * gap(p.v[-15:].reshape(5, 3))) == ""
        assert "a multiple of x: " in along_rows(p, size * gap(c * p.x))
    for lead in ((), (2,)):
        two = probe(MLP((2, 4)), (5, 2), lead)
        assert along_rows(two, two.join(0 * two.theta, two.x)) == ""     # any two are on a line
        three = probe(MLP((3, 4)), (2, 3), lead)
        x_gap = three.x - three.x.mean(-1, keepdims=True)
        assert "a multiple of x less its mean" in along_rows(three,
                                                             three.join(0 * three.theta, x_gap))


def test_the_hint_names_the_cause_of_a_factor_of_the_tangent_without_x_dot():
    class Averages(Scale):
        def jvp(self, theta, cache, theta_dot, x_dot=None):
            y_dot, cache_dot = super().jvp(theta, cache, theta_dot, x_dot)
            return y_dot / (5 if x_dot is None else 1), cache_dot

    report = map_report(Averages(), (5, 3))
    assert "1/R, R = 5: a mean in place of a sum?" in report["tangent"].hint


@pytest.mark.parametrize("form", ["forward", "vjp", "jvp", "vjp_dot"])
def test_tasks_memory_and_precision_of_each_form_are_checked(form):
    """A form that is right, but for a little of the first task, of the order in memory, of a
    type."""
    def changed(change):
        def other(self, *args, **named):
            found = getattr(Scale, form)(self, *args, **named)
            y, *rest = found
            return change(y, args[0]), *rest

        return map_report(type("Changed", (Scale,), {form: other})(), (5, 3), scales=(1.0,))

    assert "tasks" in changed(lambda y, theta: y + (
        1e-6 * theta[:1, :1].real if theta.ndim > 1 else 0)).failed
    assert "memory" in changed(lambda y, theta: y + 1e-3 * (theta.flags.f_contiguous and not (
        theta.flags.c_contiguous))).failed
    double = changed(lambda y, theta: y + np.zeros(1))
    assert list(double.failed) == ["precision"] and "float64" in double["precision"].detail


def test_the_hint_names_the_output_whose_part_one_block_lacks():
    class Lacks(Scale):
        def vjp(self, theta, cache, y_bar):
            _, x_bar = super().vjp(theta, cache, y_bar)
            return (y_bar * cache)[..., :-1, :].sum(-2), x_bar

    report = map_report(Lacks(), (5, 3))
    assert report["complex step"].hint == "what output 4 of axis R adds is missing in gain"


def test_one_coordinate_of_many_hundred_is_named():
    class Off(MLP):
        def vjp(self, theta, cache, y_bar):
            theta_bar, x_bar = super().vjp(theta, cache, y_bar)
            return theta_bar + 0.1 * (np.arange(self.size) == 400), x_bar

    net = Off((3, 20, 20))
    report = map_report(net, (5, 3), leads=((),), scales=(0.3,), skip=("central difference",))
    assert f"worst at {net.layout.name(400)}: " in report["complex step"].detail


def test_each_law_says_of_a_right_map_that_it_is_not_complex_safe():
    class Absolute(MLP):
        def forward(self, theta, x):
            y, cache = super().forward(theta, x)
            return np.real(y), cache

        def vjp(self, theta, cache, y_bar):
            return tuple(np.real(bar) for bar in super().vjp(theta, cache, y_bar))

    report = map_report(Absolute((3, 4, 2)), (5, 3))
    for law in ("tangent", "complex step"):
        assert "the derivative is right, but the code is not complex-safe" in report[law].hint


def test_complex_safe_is_true_by_default():
    assert map_report(Scale(), (5, 3)).gates["complex step"] == 1e-12
    assert "complex step" in check_map(Scale(), (5, 3)).counts


@pytest.mark.parametrize("form", ["forward", "vjp", "jvp", "vjp_dot"])
def test_each_form_must_not_write_to_its_arguments_and_must_remember_nothing(form):
    calls = []

    def writes(self, theta, *args, **named):
        theta *= 1.0
        return getattr(Scale, form)(self, theta, *args, **named)

    def counts(self, *args, **named):
        y, *rest = getattr(Scale, form)(self, *args, **named)
        calls.append(0)
        return y + 1e-9 * len(calls), *rest

    for other in (writes, counts):
        assert "purity" in map_report(type("Changed", (Scale,), {form: other})(), (5, 3)).failed


def test_differences_have_gates_that_they_can_meet():
    gates = map_report(Scale(), (5, 3), complex_safe=False).gates
    assert gates["tangent"] == gates["second"] == gates["tasks"] == 1e-6 and gates["purity"] == 0
    assert gates["central difference"] == 1e-6


def test_the_hint_names_no_block_if_a_part_is_missing_throughout():
    class Forgets(Scale):
        def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
            return super().vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, 0 * y_bar_dot)

    assert map_report(Forgets(), (5, 3))["second"].hint == "y_bar_dot is missing"


def test_a_map_without_a_tangent_is_checked_by_what_it_has():
    net = SimpleNamespace(size=3, layout=Scale().layout, forward=Scale().forward, vjp=Scale().vjp)
    report = check_map(net, (5, 3))
    assert {law: report.skipped[law] for law in ("tangent", "transpose")} == dict.fromkeys(
        ("tangent", "transpose"), "the map has no jvp")


def test_a_small_error_of_a_curved_map_is_not_blamed_on_complex_numbers():
    class Off(MLP):
        def jvp(self, *args):
            y_dot, cache_dot = super().jvp(*args)
            return (1 + 1e-9) * y_dot, cache_dot

    report = map_report(Off((3, 4, 2)), (5, 3), leads=((2,),), scales=(1.0,))
    assert "tangent" in report.failed and "complex-safe" not in report["tangent"].hint
