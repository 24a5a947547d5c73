"""The distributions over actions: their derivatives, and that they are distributions."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import Categorical, Gaussian
from minimeta.policy.categorical import softmax
from minimeta.policy.heads import NUMBERS

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


# ---- probability zero

def impossible(n, seed, dtype=float):
    """Logits [4, 2, n], a third or so of them -inf, and one in each row that is not; two
    directions; and which actions are possible."""
    rng = np.random.default_rng(seed)
    u, u_dot, v = rng.normal(size=(3, 4, 2, n))
    is_possible = rng.random(u.shape) < 0.7
    is_possible[..., rng.integers(n)] = True
    u = np.where(is_possible, u, -np.inf)
    return u.astype(dtype), u_dot.astype(dtype), v.astype(dtype), is_possible


def without(f, is_possible, *arrays):
    """f of the possible actions alone, row by row; an output along the actions is filled
    up with zeros."""
    rows = []
    for index in np.ndindex(is_possible.shape[:-1]):
        some = is_possible[index]
        out = f(Categorical(int(some.sum())), *(a[index][some][None] for a in arrays))[0]
        rows.append(np.zeros(len(some)) if out.ndim else out)
        if out.ndim:
            rows[-1][some] = out
    return np.reshape(rows, is_possible.shape[:-1] + np.shape(rows[0]))


@given(seed=seeds, n=st.integers(2, 6))
def test_an_impossible_action_counts_as_if_it_were_not_there(seed, n):
    u, u_dot, v, is_possible = impossible(n, seed)
    u_old = np.where(is_possible, v, -np.inf)
    head = Categorical(n)
    for form, arrays in [("entropy", (u,)), ("entropy_grad", (u,)),
                         ("entropy_hvp", (u, u_dot)), ("fisher", (u, u_dot)),
                         ("kl", (u_old, u)), ("kl_grad", (u_old, u)),
                         ("kl_hvp", (u_old, u, u_dot))]:
        with np.errstate(all="raise"):
            found = getattr(head, form)(*arrays)
        truth = without(lambda head, *some: getattr(head, form)(*some), is_possible, *arrays)
        assert np.allclose(found, truth, rtol=1e-12, atol=1e-14), form


@given(seed=seeds, n=st.integers(2, 6))
def test_with_impossible_actions_the_derivatives_are_those_of_the_values(seed, n):
    u, u_dot, v, is_possible = impossible(n, seed)
    head, u_old = Categorical(n), np.where(is_possible, v, -np.inf)
    a = is_possible.argmax(-1)
    for value, grad, hvp in [
        (lambda u: head.log_prob(u, a), lambda u: head.log_prob_grad(u, a),
         lambda u, w: head.log_prob_hvp(u, a, w)),
        (head.entropy, head.entropy_grad, head.entropy_hvp),
        (lambda u: head.kl(u_old, u), lambda u: head.kl_grad(u_old, u),
         lambda u, w: head.kl_hvp(u_old, u, w)),
    ]:
        assert close((grad(u) * u_dot).sum(-1), along(value, u, u_dot))
        assert np.abs(hvp(u, u_dot) - along(grad, u, u_dot)).max() < 1e-12


def test_the_entropy_of_two_equal_actions_and_an_impossible_one_is_log_2():
    assert Categorical(3).entropy(np.array([0, 0, -np.inf])) == pytest.approx(
        np.log(2), rel=1e-15)


def test_the_divergence_is_infinite_where_only_the_new_policy_excludes_an_action():
    head, inf = Categorical(3), np.inf
    both, one = np.array([0, 0, -inf]), np.array([0, -inf, -inf])
    with np.errstate(all="raise"):
        assert head.kl(both, one) == inf
        assert head.kl(one, both) == pytest.approx(np.log(2), rel=1e-15)
        assert head.kl(one, one) == 0 and head.kl(both, both) == 0
        assert head.log_prob(one, np.array(1)) == -inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e2, 1e3, 1e30])
def test_extreme_logits_have_finite_numbers_whatever_the_error_settings(dtype, size):
    rng = np.random.default_rng(0)
    u, u_old, u_dot = rng.normal(size=(3, 50, 4)).astype(dtype)
    u, u_old, head = dtype(size) * u, dtype(size) * u_old, Categorical(4)
    with np.errstate(all="raise"):
        a = head.sample(u, rng)
        numbers = [head.log_prob(u, a), head.log_prob_grad(u, a), head.log_prob_jvp(u, a, u_dot),
                   head.log_prob_hvp(u, a, u_dot), head.entropy(u), head.entropy_grad(u),
                   head.entropy_hvp(u, u_dot), head.kl(u_old, u), head.kl_grad(u_old, u),
                   head.kl_hvp(u_old, u, u_dot), head.fisher(u, u_dot)]
    assert all(np.isfinite(number).all() and number.dtype == dtype for number in numbers)


@pytest.mark.parametrize("log_std", [-40.0, -20.0, 20.0, 40.0])
def test_a_gaussian_of_any_width_has_numbers_whatever_the_error_settings(log_std):
    rng, head = np.random.default_rng(0), Gaussian(2)
    u = rng.normal(size=(50, 4)).astype(np.float32)
    u[:, 2:], u_dot = log_std, rng.normal(size=(50, 4)).astype(np.float32)
    with np.errstate(all="raise"):
        a = head.sample(u, rng)
        numbers = [head.log_prob(u, a), head.entropy(u), head.kl(u, u), head.fisher(u, u_dot)]
        if log_std > 0:  # the gradient in mu is as large as 1 / std
            numbers += [head.log_prob_grad(u, a), head.kl_grad(u, u),
                        head.log_prob_hvp(u, a, u_dot), head.kl_hvp(u, u, u_dot)]
    assert all(np.isfinite(number).all() for number in numbers)


# ---- draws

class Uniform:
    """A generator that gives one number for ever."""

    def __init__(self, r):
        self.r = r

    def random(self, shape, dtype):
        return np.full(shape, self.r, dtype)


LARGEST = {np.float32: np.float32(1 - 2**-24), np.float64: 1 - 2**-53}


@pytest.mark.parametrize("dtype", LARGEST)
@given(seed=seeds, n=st.integers(3, 300))
def test_an_impossible_action_is_not_drawn_by_the_smallest_or_the_largest_number(dtype, seed, n):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(20, n)).astype(dtype)
    u[rng.random(u.shape) < 0.3] = -1000
    u[:, 0] = u[:, -1] = -np.inf
    for r in (0, np.finfo(dtype).tiny, dtype(0.5), LARGEST[dtype]):
        a = Categorical(n).sample(u, Uniform(r))
        p = np.take_along_axis(softmax(u), a[:, None], -1)
        assert np.all(p > 0)


@pytest.mark.parametrize("n", [2, 3, 200, 1000])
def test_in_float32_the_last_action_that_is_possible_is_drawn_at_the_end(n):
    """Where the cumulated sums end below 1, a plain comparison would go past it."""
    u = np.zeros((1, n), np.float32)
    u[0, -1] = -np.inf
    assert Categorical(n).sample(u, Uniform(LARGEST[np.float32])) == n - 2
    assert Categorical(n).sample(u, Uniform(0)) == 0


@given(seed=seeds, n=st.integers(1, 7))
def test_each_action_is_drawn_on_an_interval_as_long_as_its_probability(seed, n):
    u = np.random.default_rng(seed).normal(size=n)
    grid = (np.arange(4000) + 0.5) / 4000
    drawn = [Categorical(n).sample(u, Uniform(r)) for r in grid]
    share = np.bincount(drawn, minlength=n) / len(grid)
    assert np.all(np.diff(drawn) >= 0) and np.abs(share - softmax(u)).max() <= 1 / 4000


@pytest.mark.parametrize("head", HEADS)
def test_float32_stays_float32(head):
    u, a, u_dot, u_old = (x.astype(np.float32) if x.dtype == float else x
                          for x in draw(head, 0))
    for out in (head.log_prob(u, a), head.log_prob_grad(u, a), head.entropy_grad(u),
                head.log_prob_hvp(u, a, u_dot), head.kl_hvp(u_old, u, u_dot),
                head.fisher(u, u_dot), head.entropy_hvp(u, u_dot)):
        assert out.dtype == np.float32


@pytest.mark.parametrize("head", [Gaussian(2)])
def test_the_precision_is_that_of_u_whatever_the_actions_are(head):
    u, a, u_dot, _ = draw(head, 0)
    u, u_dot = u.astype(np.float32), u_dot.astype(np.float32)
    for action in (a, a.astype(np.float16), np.round(a).astype(int)):
        for out in (head.log_prob(u, action), head.log_prob_grad(u, action),
                    head.log_prob_hvp(u, action, u_dot)):
            assert out.dtype == np.float32


@pytest.mark.parametrize("kind", [Categorical, Gaussian])
def test_whole_numbers_of_any_type_are_kept_as_int(kind):
    head = kind(np.uint8(200))
    assert type(head.n) is int and head == kind(200)
    assert head.n_in == (200 if kind is Categorical else 400)


@pytest.mark.parametrize("head", HEADS)
def test_every_number_of_the_contract_is_there_and_keeps_its_name(head):
    forms = [name for name in NUMBERS if hasattr(head, name)]
    assert {"sample", "fisher", "log_prob", "log_prob_jvp", "log_prob_vjp", "log_prob_vjp_dot",
            "entropy_hvp", "kl", "kl_grad"} <= set(forms)
    assert all(getattr(head, name).__name__ == name for name in forms)


def test_actions_may_be_lists():
    u = np.random.default_rng(0).normal(size=(3, 4))
    for head, a in ((Categorical(4), [0, 3, 1]), (Gaussian(2), [[0, 1], [1, 2], [2, 3]])):
        assert np.array_equal(head.log_prob(u, a), head.log_prob(u, np.array(a)))
        assert np.array_equal(head.log_prob_grad(u, a), head.log_prob_grad(u, np.array(a)))


# ---- wrong on purpose

class NoNormaliser(Categorical):
    def entropy_grad(self, u):
        p = softmax(u)
        return -p * np.log(p)


class CentredOnce(Categorical):
    def entropy_hvp(self, u, u_dot):
        p = softmax(u)
        log_p = np.log(p)
        p_dot = p * (u_dot - (p * u_dot).sum(-1, keepdims=True))
        return -p_dot * (log_p - (p * log_p).sum(-1, keepdims=True))


class TheOtherDivergence(Categorical):
    def kl_grad(self, u_old, u):
        return softmax(u_old) - softmax(u)


class ScoreOfTheStandardisedAction(Gaussian):
    def log_prob_grad(self, u, a):
        e, _ = self.error(u, a)
        return self.join(e, e * e - 1)


class WidthWithoutCurvature(Gaussian):
    def log_prob_hvp(self, u, a, u_dot):
        e, per_std = self.error(u, a)
        return self.join(-self.split(u_dot)[0] * per_std ** 2, 0 * e)


class FisherForHessian(Gaussian):
    def kl_hvp(self, u_old, u, u_dot):
        return self.fisher(u, u_dot)


@pytest.mark.parametrize("head, law", [
    (NoNormaliser(4), test_gradients_are_those_of_the_values),
    (TheOtherDivergence(4), test_gradients_are_those_of_the_values),
    (ScoreOfTheStandardisedAction(2), test_gradients_are_those_of_the_values),
    (CentredOnce(4), test_hessian_products_are_the_tangents_of_the_gradients),
    (WidthWithoutCurvature(2), test_hessian_products_are_the_tangents_of_the_gradients),
    (FisherForHessian(2), test_hessian_products_are_the_tangents_of_the_gradients),
], ids=lambda x: type(x).__name__ if isinstance(x, (Categorical, Gaussian)) else "")
def test_a_planted_bug_is_caught(head, law):
    with pytest.raises(AssertionError):
        law.hypothesis.inner_test(head, seed=0)


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


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3), (1, 2), (3, 2), (2, 2, 2)])
def test_a_gaussians_actions_of_another_shape_are_refused(shape):
    message = r"Gaussian\(n=2\) needs u \[..., 4\] and actions \[2, 2\], got \[2, 4\] and"
    with pytest.raises(ValueError, match=message):
        Gaussian(2).log_prob(np.zeros((2, 4)), np.zeros(shape))
    with pytest.raises(ValueError, match=r"actions \['...', 2\], got \[2, 3\]"):
        Gaussian(2).log_prob(np.zeros((2, 3)), np.zeros((2, 2)))
