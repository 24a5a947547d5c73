"""The distributions over actions: their derivatives, and that they are distributions."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import Categorical, Gaussian

HEADS = [Categorical(3), Categorical(5), Gaussian(1), Gaussian(3)]
seeds = st.integers(0, 2**31)


def draw(head, seed, lead=(4, 2)):
    """u, actions, a direction and a second u, with spread of about 1."""
    rng = np.random.default_rng(seed)
    u, u_dot, u_old = rng.normal(size=(3,) + lead + (head.n_in,))
    return u, head.sample(u, rng), u_dot, u_old


def along(f, u, u_dot):
    """The derivative of f at u along u_dot, by a complex step."""
    return f(u + 1e-30j * u_dot).imag / 1e-30


def close(x, y, tolerance=1e-12):
    scale = max(np.linalg.norm(x), np.linalg.norm(y), 1e-300)
    return np.linalg.norm(x - y) <= tolerance * scale


def central(f, u, u_dot, h=6e-6):
    return (f(u + h * u_dot) - f(u - h * u_dot)) / (2 * h)


@pytest.mark.parametrize("head", HEADS)
@given(seed=seeds)
def test_gradients_are_those_of_the_values(head, seed):
    u, a, u_dot, u_old = draw(head, seed)
    for value, grad in [
        (lambda u: head.log_prob(u, a), head.log_prob_grad(u, a)),
        (head.entropy, head.entropy_grad(u)),
        (lambda u: head.kl(u_old, u), head.kl_grad(u_old, u)),
    ]:
        slope = (grad * u_dot).sum(-1)
        assert close(slope, along(value, u, u_dot))
        assert close(slope, central(value, u, u_dot), 1e-7)


@pytest.mark.parametrize("head", HEADS)
@given(seed=seeds)
def test_hessian_products_are_the_tangents_of_the_gradients(head, seed):
    u, a, u_dot, u_old = draw(head, seed)
    for grad, hvp in [
        (lambda u: head.log_prob_grad(u, a), head.log_prob_hvp(u, a, u_dot)),
        (head.entropy_grad, head.entropy_hvp(u, u_dot)),
        (lambda u: head.kl_grad(u_old, u), head.kl_hvp(u_old, u, u_dot)),
    ]:
        assert close(hvp, along(grad, u, u_dot))
        assert close(hvp, central(grad, u, u_dot), 1e-7)


@pytest.mark.parametrize("head", HEADS)
@given(seed=seeds)
def test_log_prob_is_a_map_of_u_in_four_forms(head, seed):
    u, a, u_dot, _ = draw(head, seed)
    l_bar, l_bar_dot = np.random.default_rng(seed + 1).normal(size=(2,) + u.shape[:-1])
    l_dot = head.log_prob_jvp(u, a, u_dot)
    assert close(l_dot, along(lambda u: head.log_prob(u, a), u, u_dot))
    u_bar = head.log_prob_vjp(u, a, l_bar)
    assert abs((u_bar * u_dot).sum() - (l_bar * l_dot).sum()) <= 1e-13 * (
        np.linalg.norm(u_bar) * np.linalg.norm(u_dot))
    step = 1e-30j
    tangent = head.log_prob_vjp(u + step * u_dot, a, l_bar + step * l_bar_dot).imag / 1e-30
    assert close(head.log_prob_vjp_dot(u, a, l_bar, u_dot, l_bar_dot), tangent)


@pytest.mark.parametrize("head", HEADS)
@given(seed=seeds)
def test_fisher_is_the_hessian_of_kl_where_both_are_the_same(head, seed):
    u, _, u_dot, _ = draw(head, seed)
    assert close(head.fisher(u, u_dot), head.kl_hvp(u, u, u_dot))
    assert np.all(np.abs(head.kl(u, u)) < 1e-12)
    assert close(head.kl_grad(u, u), np.zeros_like(u)) or np.abs(head.kl_grad(u, u)).max() < 1e-12


@pytest.mark.parametrize("head", HEADS)
@given(seed=seeds)
def test_kl_is_never_negative(head, seed):
    u, _, _, u_old = draw(head, seed)
    assert np.all(head.kl(u_old, u) >= 0)


@pytest.mark.parametrize("n", [2, 5])
def test_categorical_probabilities_sum_to_one(n):
    u = np.random.default_rng(0).normal(size=(7, n)) * 30
    a = np.arange(n)[:, None] * np.ones(7, int)
    l = Categorical(n).log_prob(np.broadcast_to(u, (n, 7, n)), a)
    assert np.allclose(np.exp(l).sum(0), 1, rtol=1e-13, atol=0)


def test_gaussian_density_integrates_to_one():
    head, grid = Gaussian(1), np.linspace(-12, 12, 20001)
    u = np.broadcast_to(np.array([0.3, -0.4]), (20001, 2))
    density = np.exp(head.log_prob(u, grid[:, None]))
    assert abs(density.sum() * (grid[1] - grid[0]) - 1) < 1e-10


def test_log_prob_of_independent_dimensions_is_their_sum():
    rng = np.random.default_rng(0)
    mu, log_std, a = rng.normal(size=(3, 4, 3))
    both = Gaussian(3).log_prob(np.concatenate([mu, log_std], -1), a)
    one = sum(Gaussian(1).log_prob(np.stack([mu[:, i], log_std[:, i]], -1), a[:, i:i + 1])
              for i in range(3))
    assert close(both, one, 1e-14)


def test_gaussian_entropy_has_its_closed_form():
    log_std = np.array([[0.2, -1.0, 0.5]])
    sigma2 = np.exp(2 * log_std)
    closed = 0.5 * np.log(2 * np.pi * np.e * sigma2).sum(-1)
    u = np.concatenate([np.zeros((1, 3)), log_std], -1)
    assert close(Gaussian(3).entropy(u), closed, 1e-14)


def test_uniform_categorical_entropy_is_log_n():
    assert close(Categorical(6).entropy(np.full((2, 6), 3.0)), np.full(2, np.log(6)), 1e-14)


@pytest.mark.parametrize("head", HEADS)
def test_the_mean_score_is_zero_and_its_covariance_the_fisher_matrix(head):
    rng = np.random.default_rng(3)
    u = np.broadcast_to(rng.normal(size=head.n_in) * 0.5, (200_000, head.n_in))
    g = head.log_prob_grad(u, head.sample(u, rng))
    fisher = np.stack([head.fisher(u[0], e) for e in np.eye(head.n_in)])
    deviation = np.sqrt(np.diag(fisher) / len(g))
    assert np.all(np.abs(g.mean(0)) < 5 * deviation)
    assert np.allclose(g.T @ g / len(g), fisher, atol=0.05 * fisher.max(), rtol=0)


def test_samples_come_with_the_stated_probabilities():
    head, rng = Categorical(4), np.random.default_rng(0)
    u = np.array([0.0, 1.0, -1.0, 0.5])
    counts = np.bincount(head.sample(np.broadcast_to(u, (100_000, 4)), rng), minlength=4)
    p = np.exp(u) / np.exp(u).sum()
    assert np.all(np.abs(counts / 1e5 - p) < 5 * np.sqrt(p * (1 - p) / 1e5))


@pytest.mark.parametrize("head", HEADS)
def test_float32_stays_float32(head):
    u, a, u_dot, u_old = (x.astype(np.float32) if x.dtype == float else x
                          for x in draw(head, 0))
    for out in (head.log_prob(u, a), head.log_prob_grad(u, a), head.entropy_grad(u),
                head.log_prob_hvp(u, a, u_dot), head.kl_hvp(u_old, u, u_dot),
                head.fisher(u, u_dot), head.entropy_hvp(u, u_dot)):
        assert out.dtype == np.float32


def test_large_logits_neither_overflow_nor_lose_the_small_ones():
    u = np.array([[1e4, 0.0, -1e4]])
    assert np.array_equal(Categorical(3).log_prob(u, np.array([2])), [-2e4])


@pytest.mark.parametrize("actions, error, message", [
    (np.array([0.0, 1.0]), TypeError, "actions must be integers, got dtype float64"),
    (np.array([0, 3]), ValueError, r"actions must be in \[0, 3\), got 0 to 3"),
    (np.array([-1, 0]), ValueError, r"actions must be in \[0, 3\), got -1 to 0"),
    (np.array([0, 1, 2]), ValueError, r"needs u \[..., 3\] and actions \[2\], got"),
])
def test_bad_actions_are_refused_by_name(actions, error, message):
    with pytest.raises(error, match=message):
        Categorical(3).log_prob(np.zeros((2, 3)), actions)
