"""The laws of scalars and those of policies beside their head: the point at which they look, and
what breaks each of them."""
import re
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import Categorical, Gaussian, MLPPolicy, RecurrentPolicy
from minimeta.testing import check_policy, check_scalar, check_surrogate, complex_step, second
from minimeta.testing import policy_laws, scalar_laws
from minimeta.testing.policy_laws import PolicyProbe
from minimeta.testing.scalar_laws import ScalarProbe

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(2, 3, 4, 5))
W = RNG.normal(size=(2, 3, 4, 5))
MASK = RNG.random((2, 3, 4, 5)) < 0.7


class Cubes:
    """sum w y^3 of each task, with what a subclass changes."""

    mask = MASK

    def __init__(self, w=W, lead=1):
        self.w, self.lead = w, lead

    def value(self, y):
        return (self.w * y ** 3 * self.mask).sum(tuple(range(self.lead, y.ndim)))

    def grad(self, y):
        return 3 * self.w * y ** 2 * self.mask

    def hvp(self, y, y_dot):
        return 6 * self.w * y * y_dot * self.mask


def changed(**methods):
    return type("Cubes", (Cubes,), methods)()


def failed(check=check_scalar, **methods):
    report = check.report(changed(**methods), Y.copy())
    return report, list(report.failed)


@pytest.mark.parametrize("lead, sizes", [
    (0, {"T": 2, "B": 3}), (1, {"T": 3, "B": 4, "m": 5}), (2, {"T": 4, "B": 5}), (3, {"T": 5})])
def test_a_scalar_is_a_function_of_one_vector_for_each_task(lead, sizes):
    p = ScalarProbe(Cubes(lead=lead), Y, 3, True)
    assert p.lead == Y.shape[:lead] and p.core == Y.shape[lead:] and p.sizes == sizes
    assert p.z.shape == p.u.shape == p.v.shape == Y.shape[:lead] + (int(np.prod(p.core)),)
    assert np.array_equal(p.shaped(p.z), Y) and np.array_equal(p.flat(Y), p.z)
    last = np.array(p.core) - 1
    assert p.name(p.z.shape[-1] - 1) == f"y[{', '.join(map(str, last))}]"
    assert p.context == "seed 3, y [2, 3, 4, 5]" and not np.array_equal(p.u, p.v)
    assert not np.array_equal(p.v, ScalarProbe(Cubes(lead=lead), Y, 4, True).v)
    assert complex_step(p.value, p.grad, p.z, limit=0) < 1e-13
    assert second(p.grad, p.hvp, p.z, p.v) < 1e-13
    value, grad, hvp = p.forms()
    other = p.forms(Cubes(2 * W, lead), Y, p.shaped(p.v))
    assert all(np.allclose(2 * a, b) for a, b in zip((value, grad, hvp), other))
    assert np.array_equal(p.forms(y=Y + 1)[1], p.scalar.grad(Y + 1))
    assert np.array_equal(p.forms(y_dot=W)[2], p.scalar.hvp(Y, W))
    assert not check_scalar(Cubes(lead=lead), Y).failed


def test_outputs_may_be_nested_lists_of_whole_numbers():
    y = np.round(3 * Y).astype(int).tolist()
    assert not check_scalar(Cubes(), y).failed and not check_surrogate(Cubes(), y).failed


def in_place(name, at):
    """A form that writes to its argument."""
    def form(self, *args):
        args[at][...] *= 1
        return getattr(Cubes, name)(self, *args)
    return form


@pytest.mark.parametrize("name, at, argument", [("value", 0, 1), ("grad", 0, 1), ("hvp", 0, 1),
                                                ("hvp", 1, 2)])
def test_a_form_that_writes_to_its_argument_is_named(name, at, argument):
    def scaled(self, *args):
        found = getattr(Cubes, name)(self, *args)
        args[at][...] *= 2
        return found

    report, laws = failed(**{name: scaled})
    assert laws[0] == "purity" and f"argument {argument} was written to" in str(report["purity"])
    assert "purity" in failed(**{name: in_place(name, at)})[1]


def test_a_scalar_that_writes_to_its_data_is_caught():
    def value(self, y):
        self.w *= 2
        return Cubes.value(self, y)

    report = check_scalar.report(type("Cubes", (Cubes,), {"value": value})(W.copy()), Y)
    assert "argument 0 was written to" in str(report["purity"])


@pytest.mark.parametrize("form, laws", [
    ("grad", ["complex step", "central difference", "second"]), ("hvp", ["second"])])
def test_a_gradient_that_is_a_thousandth_off_is_caught(form, laws):
    def off(self, *args):
        return 1.001 * getattr(Cubes, form)(self, *args)

    assert failed(**{form: off})[1] == laws


def test_a_hessian_that_is_not_symmetric_is_caught():
    def skew(self, y, y_dot):
        return Cubes.hvp(self, y, y_dot) + 1e-9 * np.roll(y_dot, 1, -1)

    assert failed(hvp=skew)[1] == ["second", "symmetry"]


def test_a_coordinate_is_named_and_a_size_recognised():
    def averaged(self, y):
        return Cubes.grad(self, y) / 4

    report, _ = failed(grad=averaged)
    for law in ("complex step", "central difference"):
        words = "claimed is 1/4 of true, throughout (1/B, B = 4: a mean in place of a sum?)"
        assert report[law].hint == words

    def one_off(self, y):
        g = Cubes.grad(self, y)
        g[1, 2, 3, 4] += 0.1
        return g

    report, _ = failed(grad=one_off)
    assert "worst at y[2, 3, 4] of task 1" in report["complex step"].detail
    halved = failed(hvp=lambda self, *args: Cubes.hvp(self, *args) / 3)[0]["second"]
    assert "1/T, T = 3" in halved.hint


def test_tasks_that_mix_are_caught_in_each_form():
    def mixed(name):
        def form(self, y, *rest):
            found = np.array(getattr(Cubes, name)(self, y, *rest))
            found[-1] += 1e-6 * y[0, 0, 0, 0]
            return found
        return form

    for name in ("value", "grad", "hvp"):
        assert "tasks" in failed(**{name: mixed(name)})[1]
    one = check_scalar(type("One", (Cubes,), {"mask": MASK[:1]})(W[:1]), Y[:1])
    assert one.skipped == {"tasks": "there are no two tasks"}


def test_memory_and_precision_of_each_form_are_checked():
    def ordered(name):
        def form(self, y, *rest):
            found = getattr(Cubes, name)(self, y, *rest)
            return found + 0.1 * (y.flags.f_contiguous and not y.flags.c_contiguous)
        return form

    def double(name):
        def form(self, y, *rest):
            return getattr(Cubes, name)(self, y, *rest) + np.zeros(1)
        return form

    def ordered_tangent(self, y, y_dot):
        return Cubes.hvp(self, y, y_dot) + 0.1 * (not y_dot.flags.c_contiguous)

    assert failed(hvp=ordered_tangent)[1] == ["memory"]
    for name in ("value", "grad", "hvp"):
        assert "memory" in failed(**{name: ordered(name)})[1]
        assert failed(**{name: double(name)})[1][-1] == "precision"
    kept = check_scalar(Cubes(), Y)
    assert kept["precision"].detail == "float32 throughout"


def test_a_form_that_reads_or_fills_its_padding_is_caught():
    def reads(name):
        def form(self, y, *rest):
            return getattr(Cubes, name)(self, y, *rest) + 1e-9 * (y[~MASK] ** 2).sum()
        return form

    for name in ("value", "grad", "hvp"):
        report, laws = failed(check_surrogate, **{name: reads(name)})
        assert "padding" in laws
        assert "changes the results" in report["padding"].detail
    for name in ("grad", "hvp"):
        def pushes(self, *args, name=name):
            return getattr(Cubes, name)(self, *args) + 1e-9 * ~MASK

        def pushes_once(self, *args, name=name):
            found = getattr(Cubes, name)(self, *args)
            found[tuple(np.argwhere(~MASK)[3])] = 1e-9
            return found

        for wrong in (pushes, pushes_once):
            report, _ = failed(check_surrogate, **{name: wrong})
            assert "a derivative outside of the mask is not 0" in report["padding"].detail
    assert check_surrogate(Cubes(), Y)["padding"].detail == "l outside of the mask changes nothing"


def test_the_laws_of_scalars_stand_from_the_most_basic_to_the_least():
    gates = [("purity", 0), ("complex step", 1e-12), ("central difference", 1e-7),
             ("second", 1e-12),
             ("symmetry", 1e-13), ("tasks", 1e-12), ("memory", 1e-12), ("precision", 0)]
    assert [(law.name, law.gate) for law in scalar_laws.LAWS] == gates
    report = check_surrogate(Cubes(), Y, complex_safe=False)
    assert list(report.gates.items()) == [
        (law, max(gate, 1e-6) if gate else 0) for law, gate in gates] + [("padding", 0)]
    assert str(report).startswith("Cubes of [2, 3, 4, 5]\n")


# ---- policies

FEED, MEMORY = MLPPolicy(3, Categorical(4), (5,)), RecurrentPolicy(3, Gaussian(2), 4)


def probe(policy, lead=(2,)):
    return PolicyProbe(policy, (6, 5, policy.n_in), lead, 0.5, 0, 0)


def law(name, policy, **others):
    p = probe(policy)
    real = p.net
    p.net = SimpleNamespace(**{n: getattr(real, n) for n in (
        "init", "size", "split", "join", "forward", "head", "begin", "see", "act", "obs_size")})
    for name_, other in others.items():
        setattr(p.net, name_, lambda *args, form=getattr(real, name_),
                other=other: other(form, *args))
    found = getattr(policy_laws, name)(p)
    return [found] if isinstance(found, float) else list(found)


@pytest.mark.parametrize("policy", [FEED, MEMORY], ids=["without a memory", "with a memory"])
@pytest.mark.parametrize("name", ["init", "join", "acting"])
def test_what_is_right_obeys_the_laws_of_policies(policy, name):
    found = law(name, policy)
    assert found and max(map(float, found)) < 1e-13


@pytest.mark.parametrize("change, words", [
    (lambda init, rng, dtype: init(rng, dtype)[:-1],
     "init must give float64 [44], got float64 [43]"),
    (lambda init, rng, dtype: init(rng, np.float64),
     "init must give float32 [44], got float64 [44]"),
    (lambda init, rng,
     dtype: init(rng, dtype) * np.where(np.arange(44) == 7, np.nan, 1).astype(dtype),
     "init gives parameters that are not finite")])
def test_the_report_names_what_init_must_give(change, words):
    [error] = law("init", FEED, init=change)
    assert error == np.inf and error.detail == words
    assert law("init", FEED)[0].detail == "as promised"


def test_join_is_the_transpose_of_split_in_both_parts():
    for part in (0, 2):
        def other(join, *args):
            return join(*args[:part], 1.001 * args[part], *args[part + 1:])

        assert law("join", MEMORY, join=other)[0] > 1e-7
    assert law("join", FEED, join=lambda join, u_bar, y,
               v_bar: join(1.001 * u_bar, y, v_bar))[0] > 1e-7
    assert law("join", FEED, join=lambda join, u_bar, y, v_bar: join(
        u_bar if v_bar is None else 0 * u_bar, y, v_bar))[0] < 1e-13


@pytest.mark.parametrize("policy", [FEED, MEMORY], ids=["without a memory", "with a memory"])
@pytest.mark.parametrize("name, at", [("log_prob", 0), ("value", 1)])
def test_acting_gives_what_a_forward_pass_gives(policy, name, at):
    def off(act, *args):
        acted, memory = act(*args)
        numbers = {n: getattr(acted, n) + 1e-6 * (n == name) for n in ("log_prob", "value")}
        return SimpleNamespace(action=acted.action, **numbers), memory

    found = law("acting", policy, act=off)
    assert found[at] > 1e-8 and found[1 - at] < 1e-12
    words = re.search(r"claimed (\S+), true (\S+)$", found[at].detail)
    assert float(words[1]) > float(words[2])


def test_a_memory_that_is_lost_or_begins_otherwise_is_caught():
    def forgets(act, theta, memory, x, rng):
        acted, _ = act(theta, memory, x, rng)
        return acted, memory

    assert law("acting", MEMORY, act=forgets)[0] > 1e-4
    assert law("acting", MEMORY, begin=lambda begin, theta, n: begin(theta + 0.1, n))[0] > 1e-4
    assert law("acting", FEED, act=forgets)[0] < 1e-12


def test_an_actor_sees_what_it_did_and_earned_before():
    seen = []

    def see(form, obs, last, dtype):
        seen.append((obs, last))
        return form(obs, last, dtype)

    law("acting", MEMORY, see=see)
    assert len(seen) == 6 and seen[0][1] is None
    for obs, last in seen[1:]:
        action, reward, end = last
        assert obs.shape == (1, 5, 3) and (obs.sum(-1) == 1).all() and obs.max() == 1
        assert action.shape == (1, 5, 2) and reward.shape == end.shape == (1, 5)
    ends = np.concatenate([last[2] for _, last in seen[1:]])
    assert ends.dtype == bool and 0.1 < ends.mean() < 0.6


def test_a_policy_is_checked_for_five_steps_of_four_episodes_by_default():
    report = check_policy.report(FEED, leads=((),), scales=(0.3,), skip=[
        law.name for law in policy_laws.LAWS if law.name != "init"])
    assert report["init"].context.endswith("x [5, 4, 3], y [5, 4, 4]")


def test_a_policy_is_checked_on_the_shape_that_is_given():
    rest = [law.name for law in policy_laws.LAWS if law.name != "init"]
    report = check_policy(FEED, (3, 2, 3), leads=((),), scales=(0.3,), skip=rest)
    assert report["init"].context.endswith("x [3, 2, 3], y [3, 2, 4]")


def test_complex_safe_is_true_by_default():
    assert probe(FEED).case.complex_safe
    assert "complex step" in check_scalar(Cubes(), Y).counts
    assert "complex step" in check_surrogate(Cubes(), Y).counts
    rest = [law.name for law in policy_laws.LAWS if law.name != "complex step"]
    report = check_policy(FEED, leads=((),), scales=(0.3,), skip=rest)
    assert report.counts == {"complex step": 1} and report.gates["complex step"] == 1e-12
