"""Code through which complex numbers do not flow is judged by differences, if it says so."""
import numpy as np
import pytest

from minimeta import MAML, Categorical, Gaussian, MLPPolicy
from minimeta.tasks import BernoulliBandit
from minimeta.testing import LawBroken, check_learner, check_policy


ONE = {"leads": ((2,),), "scales": (0.5,)}   # one case


class LosesTheImaginaryPart(MLPPolicy):
    """Right, but its forward pass keeps the real part alone."""

    def forward(self, theta, x):
        return super().forward(np.array(theta.real), np.array(x.real))


class NoComplexEntropy(Categorical):
    def entropy(self, u):
        return super().entropy(np.array(u.real))


class HalfTheGradient(LosesTheImaginaryPart):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return 0.5 * theta_bar, x_bar


class HalfTheEntropy(NoComplexEntropy):
    def entropy_grad(self, u):
        return 0.5 * super().entropy_grad(u)


@pytest.mark.parametrize("policy, law", [
    (LosesTheImaginaryPart(3, Categorical(4), (5,)), "tangent"),
    (LosesTheImaginaryPart(2, Gaussian(2), (5,)), "tangent"),
    (MLPPolicy(3, NoComplexEntropy(4), (5,)), "entropy slopes")])
def test_a_policy_that_stops_complex_numbers_passes_by_differences_alone(policy, law):
    report = check_policy.report(policy, **ONE)
    assert law in report.failed and "could not look" in str(report.failed[law])
    passed = check_policy(policy, complex_safe=False, **ONE)
    assert passed.skipped["complex step"] == "complex_safe=False"


@pytest.mark.parametrize("policy, law", [
    (HalfTheGradient(3, Categorical(4), (5,)), "central difference"),
    (MLPPolicy(3, HalfTheEntropy(4), (5,)), "entropy slopes")])
def test_differences_still_see_a_wrong_factor_of_a_policy(policy, law):
    assert law in check_policy.report(policy, complex_safe=False, **ONE).failed


def test_a_learner_that_stops_complex_numbers_passes_by_differences_alone():
    family, right, half = BernoulliBandit(2, 3), LosesTheImaginaryPart, HalfTheGradient
    learner, wrong = (MAML(each(1, Categorical(2), ()), trials=4) for each in (right, half))
    with pytest.raises(LawBroken, match="meta-gradient: could not look"):
        check_learner(learner, family)
    assert check_learner(learner, family, complex_safe=False).gates["meta-gradient"] == 1e-6
    assert "meta-gradient" in check_learner.report(wrong, family, complex_safe=False).failed
