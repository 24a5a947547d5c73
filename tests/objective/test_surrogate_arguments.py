"""What surrogates take: any task axes, complex numbers in every argument, masks in lists."""
from functools import partial

import numpy as np
import pytest

from minimeta.objective.surrogates import (ESTIMATORS, ClippedRatio, Dice, LoadedDice, Ratio,
                                            discounts)

H = 1e-30j


def sample():
    rng = np.random.default_rng(0)
    A, l_old, step, v = rng.normal(size=(4, 2, 4, 3))
    return A, l_old, l_old + 0.3 * step, v


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_complex_step_may_enter_by_the_direction_of_a_hessian_product_alone(name):
    A, l_old, l, v = sample()
    surrogate = ESTIMATORS[name](A, l_old, None)
    stepped = surrogate.hvp(l, v + H * A)
    assert np.iscomplexobj(stepped)
    for part, direction in ((stepped.real, v), (stepped.imag / 1e-30, A)):
        assert np.abs(part - surrogate.hvp(l, direction)).max() < 1e-12


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("lead", [(), (1,), (3, 2)])
def test_any_number_of_task_axes_is_a_loop_over_tasks(name, lead):
    A, l_old, l, v = (np.random.default_rng(0).normal(size=(4, *lead, 5, 4)) + 0.1)
    mask, make = A > -1, ESTIMATORS[name]
    surrogate = make(A, l_old, mask)
    value, grad, hvp = surrogate.value(l), surrogate.grad(l), surrogate.hvp(l, v)
    assert value.shape == lead
    for k in np.ndindex(lead):
        alone = make(A[k], l_old[k], mask[k])
        for one, many in ((alone.value(l[k]), value), (alone.grad(l[k]), grad),
                          (alone.hvp(l[k], v[k]), hvp)):
            assert np.allclose(one, many[k], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("A", [2.0, -2.0])
@pytest.mark.parametrize("step", [H, -H])
def test_at_the_very_bound_of_the_clip_a_complex_step_takes_the_branch_of_the_real_point(A, step):
    l = np.full((1, 1, 1), np.sign(A) * 0.25)
    clip = abs(np.exp(l).item() - 1)
    clipped = ClippedRatio(np.full(l.shape, A), 0 * l, clip=clip)
    assert clipped.grad(l).item() != 0
    assert np.array_equal(clipped.grad(l + step).real, clipped.grad(l))


@pytest.mark.parametrize("make", [Ratio, partial(ClippedRatio, clip=0.1)])
def test_a_mask_may_be_a_list_of_truths(make):
    A, l_old, l, _ = sample()
    mask = A > -1
    assert np.array_equal(make(A, l_old, mask.tolist()).grad(l), make(A, l_old, mask).grad(l))


@pytest.mark.parametrize("lam", [0, 1, np.float32(0.5)])
def test_lambda_is_kept_as_a_python_number_with_a_fraction(lam):
    A, l_old, *_ = sample()
    assert type(LoadedDice(A, l_old, lam=lam).lam) is float


@pytest.mark.parametrize("make", [Dice, *ESTIMATORS.values()])
def test_log_probabilities_and_directions_that_would_be_broadcast_are_refused(make):
    A, l_old, l, v = sample()
    surrogate = make(A, l_old, None)
    for call in (lambda: surrogate.value(l[:, :1]), lambda: surrogate.grad(l[:, :1]),
                 lambda: surrogate.hvp(l, v[:, :1])):
        with pytest.raises(ValueError, match=r"must have the shape of \w+, \[2, 4, 3\], got "):
            call()


@pytest.mark.parametrize("gamma", [-0.1, 1.1, np.nan])
def test_a_discount_outside_0_to_1_is_refused(gamma):
    with pytest.raises(ValueError, match="gamma must be a finite number in"):
        discounts(np.zeros((4, 3), bool), gamma)


@pytest.mark.parametrize("gamma", [0, 1, 0.5])
def test_discounts_are_floating_numbers_whatever_the_type_of_gamma(gamma):
    assert discounts(np.zeros((4, 3), bool), gamma).dtype == float
