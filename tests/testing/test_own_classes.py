"""minimeta's own maps, policies, surrogates and learners pass the suites that users run on
theirs."""
import numpy as np
import pytest

from minimeta import (EMAML, GRU, LSTM, MAML, MLP, RL2, Categorical, Gaussian, MLPPolicy,
                      ProMP, RecurrentPolicy, Reinforce, TabularPolicy)
from minimeta.meta import RegressionMAML, RegressionPretrained, Reptile
from minimeta.objective.surrogates import ESTIMATORS
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation, RandomMDP, Sinusoid
from minimeta.testing import (check_learner, check_map, check_policy, check_recurrent,
                              check_surrogate, check_tasks, parametrize_with_checks)

POLICY, FAMILY = MLPPolicy(10, Categorical(5), (6,)), RandomMDP(10, 5, 6)
REPTILE = "Reptile follows phi - theta, which is no gradient"


@parametrize_with_checks(check_map, *(
    (MLP((3, 5, 4, 2), activation), (7, 3)) for activation in ("tanh", "sigmoid", "relu")))
def test_networks_pass_every_check(check):
    check()


@parametrize_with_checks(check_recurrent, (LSTM(3, 5, 2), (6, 4, 3)), (GRU(3, 5, 2), (6, 4, 3)))
def test_recurrent_networks_pass_every_check(check):
    check()


@parametrize_with_checks(
    check_policy, MLPPolicy(3, Categorical(4), (5,)), MLPPolicy(3, Gaussian(2), (5,), "sigmoid"),
    TabularPolicy(4, 3), RecurrentPolicy(2, Categorical(3), 5),
    RecurrentPolicy(2, Gaussian(1), 5, GRU))
def test_policies_pass_every_check(check):
    check()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_surrogates_pass_every_check(name):
    A, l, l_old = np.random.default_rng(0).normal(size=(3, 2, 6, 4))
    mask = np.arange(6)[:, None] < np.array([[[6, 3, 1, 5]], [[2, 6, 6, 4]]])
    check_surrogate(ESTIMATORS[name](A * mask, l_old, mask), l)


@parametrize_with_checks(
    check_learner, (MAML(POLICY, trials=4), FAMILY),
    (MAML(POLICY, trials=4, rounds=2, learn_alpha=True), FAMILY),
    (MAML(POLICY, trials=4, inner="dice", normalise=False, optimizer="trust-region"), FAMILY),
    (EMAML(POLICY, trials=4), FAMILY), (ProMP(POLICY, trials=4), FAMILY),
    (Reinforce(POLICY, trials=4), FAMILY), (RegressionMAML(MLP((1, 5, 1)), steps=2), Sinusoid()),
    (RegressionPretrained(MLP((1, 5, 1))), Sinusoid()))
def test_learners_pass_every_check(check):
    check()


def test_reptile_is_known_to_follow_no_gradient():
    check_learner(Reptile(POLICY, trials=4), FAMILY, expect_failure={"meta-gradient": REPTILE})


EARLY = PointNavigation(horizon=8, radius=0.3, episodes=2)     # its episodes end early


@parametrize_with_checks(
    check_learner, (MAML(MLPPolicy(2, Gaussian(2), (6,)), trials=4), EARLY),
    (EMAML(MLPPolicy(2, Gaussian(2), (6,)), trials=4), EARLY),
    (ProMP(MLPPolicy(2, Gaussian(2), (6,)), trials=4, rounds=2), EARLY))
def test_learners_pass_every_check_where_episodes_end_early(check):
    check()


@parametrize_with_checks(
    check_learner, (RL2(RecurrentPolicy(1, Categorical(3), 4), trials=4), BernoulliBandit(3, 5)),
    (RL2(RecurrentPolicy(2, Gaussian(2), 4), episodes=2, trials=4), EARLY),
    (RL2(RecurrentPolicy(2, Gaussian(2), 4, GRU), episodes=2, trials=4, returns="episode"),
     EARLY))
def test_recurrent_learners_pass_every_check(check):
    check()


@parametrize_with_checks(check_tasks, BernoulliBandit(3, 5), GridNavigation(3, 6))
def test_families_pass_every_check(check):
    check()
