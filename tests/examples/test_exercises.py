"""The laws grade the exercises: the library's own functions pass, the stubs and typical wrong
answers do not."""
import doctest
import importlib
import inspect
import pydoc
import re
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minimeta
from minimeta.calculus import maps
from minimeta.meta import GradientSteps
from minimeta.objective import Dice, Ratio, trust_region
from minimeta.rivals import bandit_agents
from minimeta.rl import Rollout, gae

EXAMPLES = Path(__file__).parents[2] / "examples"
SIGMOID, SOFTMAX = maps.sigmoid, lambda u: np.exp(u) / np.exp(u).sum(-1, keepdims=True)


@pytest.fixture(scope="module")
def grading():
    """The package of the laws."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module("exercises_laws")
    finally:
        sys.path.remove(str(EXAMPLES))


STUBS = runpy.run_path(str(EXAMPLES / "exercises.py"))


# ---- the library's own answers, in the clothes of the exercises

def lstm_step_vjp(W, U, b, x, h, c, h_bar, c_bar):
    """One step of an LSTM whose read-out is not looked at."""
    (n, H), B = (W.shape[0], h.shape[1]), len(x)
    net, zero = minimeta.LSTM(n, H, 1), np.zeros(H)
    theta = net.layout.pack(W=W, U=U, b=b, h0=zero, c0=zero, Wy=np.zeros((H, 1)),
                            by=np.zeros(1))
    _, cache = net.unroll(theta, (h, c), x[None])
    theta_bar, state_bar, x_bar = net.unroll_vjp(
        theta, cache, np.zeros((1, B, 1)), (h_bar, c_bar))
    return (*net.layout.unpack(theta_bar)[:3], x_bar[0], *state_bar)


def rl2_inputs(obs, action, reward, end, n_actions):
    policy = minimeta.RecurrentPolicy(obs.shape[-1], minimeta.Categorical(n_actions))
    lasts = [None, *zip(action, reward, end)]
    return np.stack([policy.see(s, last, float) for s, last in zip(obs, lasts)])


def emaml_credit(R):
    r = R[:, None, None]
    data = Rollout(np.zeros(r.shape + (1,)), np.zeros(r.shape, int), r, 0 * r, 0 * r,
                   r == r, r == r)
    learner = minimeta.EMAML(minimeta.TabularPolicy(1, 2), normalise=False, gamma=1.0)
    return learner.credit(data)


def gru(z, state):
    (a, z_u, z_r, b), (h,) = np.split(z, 4), state
    u, r = SIGMOID(z_u), SIGMOID(z_r)
    n = np.tanh(a + r * b)
    return ((1 - u) * n + u * h,), (u, r, b, n, h)


def gru_jvp(kept, z_dot, state_dot):
    (u, r, b, n, h), (a_dot, z_u_dot, z_r_dot, b_dot) = kept, np.split(z_dot, 4)
    u_dot, r_dot = u * (1 - u) * z_u_dot, r * (1 - r) * z_r_dot
    n_dot = (1 - n * n) * (a_dot + r_dot * b + r * b_dot)
    h_dot = u_dot * (h - n) + (1 - u) * n_dot + u * state_dot[0]
    return (h_dot,), (u_dot, r_dot, b_dot, n_dot, state_dot[0])


def gru_vjp(kept, state_bar):
    (u, r, b, n, h), (h_bar,) = kept, state_bar
    a_bar = (1 - n * n) * h_bar * (1 - u)
    z_u_bar, z_r_bar = h_bar * (h - n) * u * (1 - u), a_bar * b * r * (1 - r)
    return np.concatenate([a_bar, z_u_bar, z_r_bar, a_bar * r]), (h_bar * u,)


def gru_vjp_dot(kept, state_bar, kept_dot, state_bar_dot, forget=()):
    """By the complex step of gru_vjp: not the library's way, but right. `forget` names what
    is held constant, for wrong answers."""
    tangents = [0 * k if name in forget else k for name, k in zip("urbnh", kept_dot)]
    bar_dot = 0 * state_bar_dot[0] if "bar" in forget else state_bar_dot[0]
    kept = tuple(k + 1e-30j * k_dot for k, k_dot in zip(kept, tangents))
    z_bar, (h_bar,) = gru_vjp(kept, (state_bar[0] + 1e-30j * bar_dot,))
    return z_bar.imag * 1e30, (h_bar.imag * 1e30,)


def conjugate_gradient(product, b, steps):
    return trust_region.conjugate_gradient(product, b, steps)[0]


def maml_vjp(losses, theta, alpha, phi_bar):
    rows = alpha if np.ndim(alpha) == 0 else alpha[None]
    return GradientSteps(tuple(losses), rows).at(theta).vjp(phi_bar)


HEAD = minimeta.Categorical(6)
RIGHT = {
    "tanh_vjp": maps.tanh_vjp, "affine_vjp_dot": maps.affine_vjp_dot,
    "lstm_step_vjp": lstm_step_vjp, "gru": gru, "gru_jvp": gru_jvp, "gru_vjp": gru_vjp,
    "gru_vjp_dot": gru_vjp_dot, "entropy_grad": HEAD.entropy_grad, "fisher": HEAD.fisher,
    "rl2_inputs": rl2_inputs,
    "ratio_hvp": lambda A, l_old, l, l_dot: Ratio(A, l_old).hvp(l, l_dot),
    "dice_grad": lambda r, l_old, l: Dice(r, l_old).grad(l),
    "dice_hvp": lambda r, l_old, l, l_dot: Dice(r, l_old).hvp(l, l_dot),
    "conjugate_gradient": conjugate_gradient, "gae": gae, "maml_vjp": maml_vjp,
    "emaml_credit": emaml_credit, "posterior_mean": bandit_agents.mean,
    "gittins_fresh": partial(minimeta.exact.gittins_index, 0, 0),
}


# ---- typical wrong answers: exercise -> (which function, what is wrong with it)

def spoilt(name, *after):
    """The right answer, with some of its results changed."""
    def answer(*args):
        return tuple(f(y) for f, y in zip(after, RIGHT[name](*args)))
    return answer


def same(y):
    return y


def one_line_of(form, line):
    """A vjp_dot in which one direction was forgotten."""
    def answer(*args):
        args = list(args)
        args[line] = 0 * args[line]
        return form(*args)
    return answer


def steepest_descent(product, b, steps):
    x = 0 * b
    for _ in range(steps):
        residual = b - product(x) if x.any() else b
        x = x + residual * (residual @ residual) / (residual @ product(residual))
    return x


def wrong_beta(product, b, steps):
    x, residual, direction = 0 * b, b, b
    for _ in range(steps):
        bent = product(direction)
        x = x + (residual @ residual) / (direction @ bent) * direction
        residual = residual - (residual @ residual) / (direction @ bent) * bent
        direction = residual + direction
    return x


def writes_to_b(product, b, steps):
    x = conjugate_gradient(product, b, steps)
    b -= product(x)
    return x


def gae_by(delta_of, is_cut=True):
    """GAE with deltas of one's own."""
    def answer(r, V, gamma, lam, cut):
        A, following, flow = np.zeros(r.shape, r.dtype), 0, 1 - cut * is_cut
        after = np.concatenate([V[1:], 0 * V[:1]]) * flow
        for t in reversed(range(len(r))):
            following = A[t] = delta_of(r[t], V[t], after[t], gamma) + \
                gamma * lam * flow[t] * following
        return A
    return answer


def maml_by(last_first=True, at_theta=False, rate_after=False):
    def answer(losses, theta, alpha, phi_bar):
        points, v = [theta], phi_bar
        for loss in losses:
            points.append(points[-1] - alpha * loss.at(points[-1]).grad)
        pairs = list(zip(losses, points))
        for loss, point in pairs[::-1] if last_first else pairs:
            at = loss.at(theta if at_theta else point)
            v = v - (alpha * at.hvp(v) if rate_after else at.hvp(alpha * v))
        return v
    return answer


def inputs(reset=False, one_late=False, no_done=False):
    def answer(obs, action, reward, end, n):
        x = rl2_inputs(obs, action, reward, end, n)
        if reset:
            x[1:, :, obs.shape[-1]:-1] *= 1 - end[:-1, :, None]
        if one_late:
            x[:-1, :, -2] = x[1:, :, -2]
        if no_done:
            x[..., -1] = 0
        return x
    return answer


def lookahead(discount, pulls=3):
    """A Gittins index that looks a few pulls ahead."""
    low, high = 0.5, 1.0
    for _ in range(40):
        nu, ahead = (low + high) / 2, 0
        for n in reversed(range(pulls)):
            m, V = (np.arange(n + 1) + 1) / (n + 2), np.maximum(ahead, 0) * np.ones(n + 2)
            ahead = m - nu + discount * (m * V[1:] + (1 - m) * V[:-1])
        low, high = (nu, high) if ahead[0] > 0 else (low, nu)
    return nu


def suffix(x):
    return np.cumsum(x[::-1], 0)[::-1]


def gates_swapped(y):
    i, f, o, g = np.split(y, 4, -1)
    return np.concatenate([f, i, o, g], -1)


WRONG = {
    "tanh_vjp": [lambda y, y_bar: y_bar, lambda y, y_bar: (1 - y) * y_bar,
                 lambda y, y_bar: (1 - np.tanh(y) ** 2) * y_bar],
    "affine_vjp_dot": [one_line_of(maps.affine_vjp_dot, i) for i in (3, 4, 5)],
    "lstm_step_vjp": [
        spoilt("lstm_step_vjp", gates_swapped, *[same] * 5),
        spoilt("lstm_step_vjp", *[same] * 4, lambda y: 0 * y, same),
        lambda *a: RIGHT["lstm_step_vjp"](*a[:-1], 0 * a[-1])],
    "gru": [{"gru": lambda z, s: ((gru(z, s)[0][0] + s[0] - np.tanh(z[:len(s[0])]),), ())},
            {"gru_vjp": lambda kept, bar: gru_vjp((1 - kept[0], *kept[1:]), bar)},
            {"gru_vjp_dot": partial(gru_vjp_dot, forget="n")},
            {"gru_jvp": lambda kept, z, s: gru_jvp(kept, z, (0 * s[0],))},
            {"gru_vjp_dot": partial(gru_vjp_dot, forget=("bar",))}],
    "entropy_grad": [lambda u: -RIGHT["entropy_grad"](u),
                     lambda u: -(np.log(SOFTMAX(u)) + 1),
                     lambda u: -SOFTMAX(u) * (np.log(SOFTMAX(u)) + 1)],
    "fisher": [lambda u, v: SOFTMAX(u) * v,
               lambda u, v: SOFTMAX(u) * (v - v.mean(-1, keepdims=True)),
               lambda u, v: -HEAD.fisher(u, v)],
    "rl2_inputs": [inputs(reset=True), inputs(one_late=True), inputs(no_done=True)],
    "ratio_hvp": [lambda A, l_old, l, v: 0 * v, lambda A, l_old, l, v: A * v,
                  lambda A, l_old, l, v: A * np.exp(l - l_old)],
    "dice_hvp": [
        {"dice_hvp": lambda r, l_old, l, v: RIGHT["dice_grad"](r, l_old, l) * v},
        {"dice_hvp": lambda r, l_old, l, v: suffix(r * np.exp(np.cumsum(l - l_old, 0)) * v)},
        {"dice_grad": lambda r, l_old, l: r * np.exp(np.cumsum(l - l_old, 0))}],
    "conjugate_gradient": [steepest_descent, wrong_beta, writes_to_b],
    "gae": [gae_by(lambda r, V, after, gamma: r + gamma * V - V),
            gae_by(lambda r, V, after, gamma: r + gamma * after - V, is_cut=False),
            gae_by(lambda r, V, after, gamma: gamma * (r + after) - V)],
    "maml_vjp": [lambda losses, theta, alpha, v: v, maml_by(last_first=False),
                 maml_by(at_theta=True), maml_by(rate_after=True)],
    "emaml_credit": [lambda R: R, lambda R: R - R.mean(),
                     lambda R: (R - R.mean()) / R.std(), lambda R: R - np.roll(R, 1)],
    "posterior_mean": [lambda s, f: (s + 1e-9) / (s + f + 2e-9),
                       lambda s, f: (s + 1) / (s + f + 1),
                       lambda s, f: (s + 0.5) / (s + f + 1)],
    "gittins_fresh": [lambda d: 0.5, lookahead,
                      lambda d: RIGHT["gittins_fresh"](d) / (1 - d)],
}
WRONG = {name: [answer if type(answer) is dict else {name: answer} for answer in answers]
         for name, answers in WRONG.items()}
CASES = [(name, i) for name, answers in WRONG.items() for i in range(len(answers))]


def test_the_library_passes_all_exercises(grading):
    verdicts = grading.main(RIGHT)
    assert set(verdicts.values()) == {"solved"} and 12 <= len(verdicts) <= 15


def test_no_stub_passes_as_it_stands(grading):
    assert set(grading.main(STUBS).values()) == {"to do"}


@pytest.mark.parametrize("name, number", CASES)
def test_a_wrong_answer_does_not_pass(grading, name, number):
    verdict = grading.grade(name, RIGHT | WRONG[name][number])
    assert verdict.startswith(("broken", "stopped")), verdict


def test_every_exercise_has_three_wrong_answers_at_least(grading):
    assert list(WRONG) == list(grading.EXERCISES)
    assert min(map(len, WRONG.values())) >= 3


@pytest.mark.parametrize("name, number, words", [
    ("affine_vjp_dot", 1, "along W_dot alone"), ("lstm_step_vjp", 0, "transposed or swapped?"),
    ("gru", 2, "vjp_dot along"), ("entropy_grad", 0, "claimed is minus true"),
    ("rl2_inputs", 0, "r crosses the end"), ("maml_vjp", 0, "one step"),
    ("maml_vjp", 2, "two steps"), ("emaml_credit", 0, "nobody's credit"),
    ("gae", 1, "two episodes"), ("conjugate_gradient", 2, "b stays as it was")])
def test_the_laws_say_what_is_wrong(grading, name, number, words):
    assert words in grading.grade(name, RIGHT | WRONG[name][number])


def test_an_answer_that_stops_is_told_with_its_error(grading):
    verdict = grading.grade("tanh_vjp", {"tanh_vjp": lambda y, y_bar: y[0] @ y_bar})
    assert verdict.startswith("stopped") and "ValueError" in verdict


def test_every_stub_tells_its_formula_its_shapes_and_where_to_compare(grading):
    compared = []
    for number, (name, laws) in enumerate(grading.EXERCISES.items(), 1):
        text = STUBS[next(iter(inspect.signature(laws).parameters))].__doc__
        assert text.startswith(f"{number}. ") and "[" in text or "discount" in text, name
        compared += re.findall(r"Compare: (minimeta\.[\w.]+)", text)
    assert len(compared) == len(grading.EXERCISES)
    missing = [path for path in compared if pydoc.locate(path) is None]
    assert set(missing) <= {"minimeta.calculus.gru"}


def test_the_numbers_in_the_stubs_are_those_of_the_library():
    finder, n_tried = doctest.DocTestFinder(), 0
    for name in RIGHT:
        for case in finder.find(STUBS[name], name, globs=RIGHT | {"np": np}):
            runner = doctest.DocTestRunner(verbose=False)
            assert runner.run(case).failed == 0, name
            n_tried += runner.tries
    assert n_tried >= 6


def test_the_command_names_the_exercises_that_are_left():
    def run(*names):
        return subprocess.run([sys.executable, EXAMPLES / "exercises.py", *names],
                              capture_output=True, text=True, cwd=EXAMPLES.parent,
                              env={"PYTHONPATH": str(EXAMPLES.parent), "PATH": ""})

    assert run("gae").stdout.splitlines()[0].split() == ["11", "gae", "to", "do"]
    assert "0 of 15 solved" in run().stdout
    assert "names must be of tanh_vjp" in run("gea").stderr
