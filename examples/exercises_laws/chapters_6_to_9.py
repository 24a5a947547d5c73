"""Laws of exercises 11 to 15: rl, meta, exact, rivals."""
from itertools import product as every

import minimeta
import numpy as np
from minimeta.testing import compare, complex_step, purity

from .grade import EXACT, ROUND, draws, exercise, sigmoid

T, B, M = 7, 3, 5                        # steps, episodes, points of a curve


@exercise
def gae(gae):
    d, gamma, uncut = draws(0, r=(T, B), V=(T, B)), 0.9, np.zeros((T, B), bool)
    r, V = d["r"], d["V"]

    def delta(V):
        return r + gamma * np.concatenate([V[1:], np.zeros((1, B))]) - V

    A = gae(r, V, gamma, 0.0, uncut)
    yield "lam = 0 gives delta_t", compare("lam = 0", A, delta(V)), EXACT
    G = gae(r, V, gamma, 1.0, uncut) + V
    yield "lam = 1 gives G_t - V_t, where G_t - gamma G_{t+1} = r_t", compare(
        "lam = 1", delta(G) + 1, np.ones((T, B))), EXACT
    yield "advantages over the exact value are 0", compare(
        "exact V", gae(r, G, gamma, 0.7, uncut) + 1, np.ones((T, B))), EXACT
    A = gae(r, V, gamma, 0.7, uncut)
    yield "A_t - gamma lam A_{t+1} is delta_t", compare(
        "lam = 0.7", A[:-1] - gamma * 0.7 * A[1:], delta(V)[:-1]), EXACT
    cut = uncut.copy()
    cut[2] = True
    apart = [gae(r[part], V[part], gamma, 0.7, uncut[part])
             for part in (slice(0, 3), slice(3, T))]
    yield "two episodes, cut, are two episodes apart", compare(
        "cut", gae(r, V, gamma, 0.7, cut), np.concatenate(apart)), EXACT
    yield "the arguments stay as they were", purity(
        lambda r, V: gae(r, V, gamma, 0.7, cut), r, V), 0


@exercise
def maml_vjp(maml_vjp):
    net, rng = minimeta.MLP((1, 4, 1)), np.random.default_rng(0)
    w = np.full(M, 1 / M)
    losses = [minimeta.Objective(net, x, minimeta.losses.SquaredError(np.sin(3 * x), w))
              for x in rng.normal(size=(3, M, 1))]
    theta, phi_bar = rng.normal(size=(2, net.size))
    rates = rng.uniform(0.1, 0.5, net.size)

    def phi(theta, losses, alpha):
        for loss in losses:
            theta = theta - alpha * loss.at(theta).grad
        return theta

    for words, n, alpha in (("no step", 0, 0.3), ("one step", 1, 0.3),
                            ("two steps", 2, 0.3), ("three steps", 3, 0.3),
                            ("one step, an alpha for each parameter", 1, rates),
                            ("three steps, an alpha for each parameter", 3, rates)):
        yield words, complex_step(
            lambda theta: (phi_bar * phi(theta, losses[:n], alpha)).sum(),
            lambda theta: maml_vjp(losses[:n], theta, alpha, phi_bar), theta,
            name=net.layout.name), ROUND


@exercise
def emaml_credit(emaml_credit):
    """Task k collects D_k = 0 or 1, with p_k = sigmoid(theta_k), and then earns R_k."""
    K, d = 3, draws(0, theta=(3,), R=(3, 2))
    p, total = sigmoid(d["theta"]), np.zeros(3)
    for D in every((0, 1), repeat=K):
        R = d["R"][np.arange(K), D]
        total += np.prod(np.where(D, p, 1 - p)) * emaml_credit(R) * (D - p)
    yield "the mean of credit times score is the gradient of the mean return", compare(
        "enumeration", total, p * (1 - p) * (d["R"][:, 1] - d["R"][:, 0])), EXACT
    R = d["R"].ravel()
    yield "a return that all tasks earn is nobody's credit", compare(
        "shift", emaml_credit(R + 7), emaml_credit(R)), ROUND
    yield "all other tasks count alike", compare(
        "order", emaml_credit(R[[0, 2, 3, 4, 5, 1]])[0], emaml_credit(R)[0]), EXACT


@exercise
def posterior_mean(posterior_mean):
    s, f = np.indices((5, 4))
    m, (p, w) = posterior_mean(s, f), np.polynomial.legendre.leggauss(8)
    p = (1 + p) / 2                                  # exact for polynomials up to p^15
    chance = p ** s[..., None] * (1 - p) ** f[..., None]
    yield "an arm never pulled pays with probability 1/2", compare(
        "prior", m[0, 0], 0.5), EXACT
    yield "Bayes: the mean of p, weighted by the chance of what was seen", compare(
        "quadrature", m, (w * p * chance).sum(-1) / (w * chance).sum(-1)), EXACT
    yield "the mean belief after the next pull is the belief before it", compare(
        "martingale", m * posterior_mean(s + 1, f) + (1 - m) * posterior_mean(s, f + 1),
        m), EXACT


@exercise
def gittins_fresh(gittins_fresh):
    for discount in (0.5, 0.8, 0.9):
        nu, ahead = gittins_fresh(discount), 0
        for n in reversed(range(160)):               # pulls made; s of them paid
            m = (np.arange(n + 1) + 1) / (n + 2)
            V = np.maximum(ahead, 0) * np.ones(n + 2)
            ahead = m - nu + discount * (m * V[1:] + (1 - m) * V[:-1])
        yield (f"discount {discount}: to pull and go on is worth as much as to retire",
               compare("ahead", 1 + ahead[0], 1.0), 4e-4)
