"""Laws of exercises 1 to 10: calculus, policy, objective."""
import numpy as np

from minimeta import Layout
from minimeta.testing import compare, complex_step, purity, symmetry, tangent

from .grade import (EXACT, ROUND, draws, exercise, sigmoid, softmax, tangent_errors,
                    vjp_error)

T, B, N, H, M, A = 7, 3, 2, 4, 5, 6      # all sizes differ


@exercise
def tanh_vjp(tanh_vjp):
    d = draws(0, x=(B, N), y_bar=(B, N))
    yield "the complex step of tanh", vjp_error(
        lambda x: [np.tanh(x)], lambda x: [tanh_vjp(np.tanh(x), d["y_bar"])],
        {"x": d["x"]}, [d["y_bar"]]), EXACT


@exercise
def affine_vjp_dot(affine_vjp_dot):
    def vjp(x, W, y_bar):
        return y_bar @ W.T, x.T @ y_bar, y_bar.sum(0)

    inputs = draws(0, x=(B, N), W=(N, M), y_bar=(B, M))
    for words, error in tangent_errors(vjp, affine_vjp_dot, inputs,
                                       ("x_bar", "W_bar", "b_bar")):
        yield words, error, EXACT


def lstm_step(W, U, b, x, h, c):
    i, f, o, g = np.split(x @ W + h @ U + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@exercise
def lstm_step_vjp(lstm_step_vjp):
    inputs = draws(0, W=(N, 4 * H), U=(H, 4 * H), b=(4 * H,), x=(B, N), h=(B, H),
                   c=(B, H))
    bars = draws(1, h=(B, H), c=(B, H))
    for words, h_bar, c_bar in (("from c_next alone", 0 * bars["h"], bars["c"]),
                                ("from h_next alone", bars["h"], 0 * bars["c"]),
                                ("from both", bars["h"], bars["c"])):
        yield words, vjp_error(
            lstm_step, lambda *z: lstm_step_vjp(*z, h_bar, c_bar), inputs,
            [h_bar, c_bar]), EXACT


@exercise
def gru(gru, gru_jvp, gru_vjp, gru_vjp_dot):
    d = draws(0, z=(4 * H, B), h=(H, B))
    a, z_u, z_r, b = np.split(d["z"], 4)
    for words, z_u_, z_r_, true in (
            ("u = 1 keeps what was there", 80, 0, d["h"]),
            ("u = 0 and r = 0 give tanh(a)", -80, -80, np.tanh(a)),
            ("u = 0 and r = 1 give tanh(a + b)", -80, 80, np.tanh(a + b)),
            ("u = 3/4 is a mean", np.log(3), -80, d["h"] * 3 / 4 + np.tanh(a) / 4),
            ("r = 3/4 lets through 3/4 of b", -80, np.log(3), np.tanh(a + 3 / 4 * b))):
        z = np.concatenate([a, 0 * z_u + z_u_, 0 * z_r + z_r_, b])
        yield words, compare("gates", gru(z, (d["h"],))[0][0], true), EXACT

    def f(z, h):
        return gru(z, (h,))[0]

    def kept(z, h):
        return gru(z, (h,))[1]

    def f_dot(z, h, z_dot, h_dot):
        return [gru_jvp(kept(z, h), z_dot, (h_dot,))[0][0]]

    def pulled(z, h, h_bar):
        z_bar, (h_prev_bar,) = gru_vjp(kept(z, h), (h_bar,))
        return z_bar, h_prev_bar

    def pulled_dot(z, h, h_bar, z_dot, h_dot, h_bar_dot):
        kept_dot = gru_jvp(kept(z, h), z_dot, (h_dot,))[1]
        z_bar_dot, (h_prev_bar_dot,) = gru_vjp_dot(
            kept(z, h), (h_bar,), kept_dot, (h_bar_dot,))
        return z_bar_dot, h_prev_bar_dot

    for words, error in tangent_errors(f, f_dot, d, ["h"]):
        yield f"jvp {words}", error, EXACT
    h_bar = draws(2, h=(H, B))["h"]
    yield "vjp", vjp_error(f, lambda z, h: pulled(z, h, h_bar), d, [h_bar]), EXACT
    for words, error in tangent_errors(pulled, pulled_dot, d | {"h_bar": h_bar},
                                 ("z_bar", "h_prev_bar")):
        yield f"vjp_dot {words}", error, EXACT


@exercise
def entropy_grad(entropy_grad):
    u = draws(0, u=(B, A))["u"]
    yield "the complex step of the entropy", complex_step(
        lambda u: -(softmax(u) * np.log(softmax(u))).sum(-1), entropy_grad, u), EXACT
    yield "a shift of all logits moves nothing", compare(
        "shift", 1 + entropy_grad(u).sum(-1), np.ones(B)), EXACT


@exercise
def fisher(fisher):
    d = draws(0, u=(B, A), v=(B, A))
    p = softmax(d["u"])
    scores = np.eye(A)[:, None] - p                          # [action, B, A]
    moved = (scores * d["v"]).sum(-1, keepdims=True)
    yield "the mean of score (score . u_dot) over all actions", compare(
        "enumeration", fisher(d["u"], d["v"]), (p.T[..., None] * scores * moved).sum(0)
    ), EXACT
    yield "symmetric", symmetry(fisher, d["u"], d["u"][::-1], d["v"]), EXACT


@exercise
def rl2_inputs(rl2_inputs):
    rng = np.random.default_rng(0)
    obs, reward = rng.normal(size=(T, B, N)), rng.normal(size=(T, B))
    action, end = rng.integers(A, size=(T, B)), np.zeros((T, B), bool)
    end[[2, 4], :], end[2, 0] = True, False
    x = np.asarray(rl2_inputs(obs, action, reward, end, A))
    yield "the shape", compare(
        "shape", np.array(x.shape), np.array([T, B, N + A + 2])), 0
    s, a, r, d = np.split(x, [N, N + A, N + A + 1], -1)
    goes_on, last_a = ~end[:-1], (a[1:] * np.arange(A)).sum(-1)

    def law(words, claimed, true):
        return words, compare("input", claimed, true), 0

    yield law("s_t comes first", s, obs)
    yield law("a trial begins with nothing: a, r, d are 0 at t = 0", x[0, :, N:],
              np.zeros((B, A + 2)))
    yield law("r is the reward of the step before", r[1:, :, 0] * goes_on,
              reward[:-1] * goes_on)
    yield law("r crosses the end of an episode", r[1:, :, 0], reward[:-1])
    yield law("a is one-hot", (a[1:] == 1).sum(-1) + (a[1:] != 0).sum(-1),
              np.full((T - 1, B), 2))
    yield law("a is the action of the step before", last_a * goes_on,
              action[:-1] * goes_on)
    yield law("a crosses the end of an episode", last_a, action[:-1])
    yield law("d is 1 at the first step of a later episode, else 0", d[1:, :, 0],
              end[:-1])


@exercise
def ratio_hvp(ratio_hvp):
    d = draws(0, A=(T, B), l_old=(T, B), l=(T, B), l_dot=(T, B))
    yield "the complex step of the gradient, A exp(l - l_old)", tangent(
        lambda l: d["A"] * np.exp(l - d["l_old"]),
        lambda l, l_dot: ratio_hvp(d["A"], d["l_old"], l, l_dot), d["l"],
        d["l_dot"]), EXACT


@exercise
def dice_hvp(dice_grad, dice_hvp):
    d = {name: 0.3 * x for name, x in draws(
        0, r=(T, B), l_old=(T, B), l=(T, B), l_dot=(T, B)).items()}
    layout = Layout(l=(T, B))

    def value(z):
        w = np.cumsum(layout.unpack(z).l - d["l_old"], 0)
        return (d["r"] * np.exp(w)).sum()

    def flat_grad(z):
        return layout.pack(l=dice_grad(d["r"], d["l_old"], layout.unpack(z).l))

    def flat_hvp(z, v):
        return layout.pack(l=dice_hvp(d["r"], d["l_old"], layout.unpack(z).l,
                                 layout.unpack(v).l))

    z, v = layout.pack(l=d["l"]), layout.pack(l=d["l_dot"])
    yield "dice_grad is the complex step of the value", complex_step(
        value, flat_grad, z, name=layout.name), EXACT
    yield "dice_hvp is the complex step of the gradient", tangent(
        flat_grad, flat_hvp, z, v, name=layout.name), EXACT
    yield "the Hessian is symmetric", symmetry(flat_hvp, z, v, z), EXACT


@exercise
def conjugate_gradient(conjugate_gradient):
    d = draws(0, root=(M, M), b=(M,))
    A, b, vs = d["root"] @ d["root"].T + np.eye(M), d["b"], []

    def product(v):
        vs.append(v)
        return A @ v

    yield "b stays as it was", purity(lambda b: conjugate_gradient(A.dot, b, M), b), 0
    for steps in range(1, M + 1):
        vs.clear()
        residual = A @ conjugate_gradient(product, b, steps) - b
        seen = np.array([np.linalg.matrix_power(A, i) @ b for i in range(steps)])
        slope = seen @ residual / np.linalg.norm(seen, axis=1) / np.linalg.norm(b)
        yield f"after {steps} steps nothing in b, A b, A A b .. is better", compare(
            "slope", 1 + slope, np.ones(steps)), ROUND
        yield "one product a step at most", compare(
            "products", np.array(max(len(vs), steps)), np.array(steps)), 0
    yield "A x = b after P steps", compare("residual", 1 + residual, np.ones(M)), ROUND
