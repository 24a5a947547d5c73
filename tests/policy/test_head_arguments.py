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
