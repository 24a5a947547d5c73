"""What heads take and refuse, beside what the laws say."""
import numpy as np
import pytest

from minimeta import Categorical, Gaussian

HEADS = [Categorical(3), Gaussian(2)]


def draw(head, lead=(4, 5)):
    rng = np.random.default_rng(0)
    u, u_dot = rng.normal(size=(2, *lead, head.n_in))
    return u, np.asarray(head.sample(u, rng)), u_dot


@pytest.mark.parametrize("head", HEADS)
def test_arguments_may_go_by_name(head):
    u, a, u_dot = draw(head)
    assert np.array_equal(head.log_prob(u=u, a=a), head.log_prob(u, a))
    assert np.array_equal(head.log_prob_hvp(a=a, u=u, u_dot=u_dot),
                          head.log_prob_hvp(u, a, u_dot))
    assert np.array_equal(head.kl(u=u, u_old=u_dot), head.kl(u_dot, u))


@pytest.mark.parametrize("head, wanted", [(HEADS[0], r"\[4, 5\]"), (HEADS[1], r"\[4, 5, 2\]")])
def test_a_refusal_of_actions_tells_all_axes_that_they_should_have(head, wanted):
    u, a, _ = draw(head)
    with pytest.raises(ValueError, match=f"and actions {wanted}, got"):
        head.log_prob(u, a[:3])


@pytest.mark.parametrize("head", HEADS)
def test_no_rows_have_no_log_probabilities(head):
    u, a, _ = draw(head)
    assert head.log_prob(u[:0], a[:0]).shape == (0, 5)


@pytest.mark.parametrize("head", HEADS)
def test_parameters_that_are_whole_numbers_are_refused(head):
    u, a, _ = draw(head)
    with pytest.raises(TypeError, match="u must hold floating numbers"):
        head.log_prob(u.astype(int), a)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("number", ["log_prob", "entropy", "kl"])
def test_a_complex_step_may_enter_by_the_direction_of_a_hessian_product_alone(head, number):
    u, a, u_dot = draw(head)
    arguments = {"log_prob": (u, a), "entropy": (u,), "kl": (u[::-1], u)}[number]
    hvp = getattr(head, f"{number}_hvp")
    stepped = hvp(*arguments, u_dot + 1e-30j * u)
    assert np.iscomplexobj(stepped) and np.allclose(stepped.imag / 1e-30, hvp(*arguments, u))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gaussian_action_is_the_mean_and_the_width_times_the_luck_in_one_precision(dtype):
    head = Gaussian(2)
    u = draw(head)[0].astype(dtype)
    mu, log_std = head.split(u)
    luck = np.random.default_rng(3).standard_normal(mu.shape, dtype)
    action = head.sample(u, np.random.default_rng(3))
    assert action.dtype == dtype and np.array_equal(action, mu + np.exp(log_std) * luck)
