"""Exploration credit: by enumeration, which way each meta-gradient points; and that
training goes there."""
import importlib.util
import sys
from itertools import product
from math import lgamma
from pathlib import Path

import numpy as np
import pytest

from minimeta import EMAML
from minimeta.exact import exact_return
from minimeta.meta.adaptation import share
from minimeta.rl import Rollout
from minimeta.testing import check_tasks


def loaded(name):
    """The example as a module, so that its tasks can be pickled."""
    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = loaded("exploration_credit")
Corridor, learners, main = example.Corridor, example.learners, example.main
NO_CREDIT = "first-order MAML", "MAML, log-likelihood", "MAML, ratio"
CREDIT = "MAML, DiCE", "E-MAML"
N = example.EPISODES
WAYS = [(0, 0), (1, 0), (1, 1)]  # an episode: stays, opens the right door, the other


def every_batch(policy, theta):
    """All multisets of N episodes: Rollout [K, 2, N], and their probabilities [K]."""
    counts = np.array([c for c in product(range(N + 1), repeat=3) if sum(c) == N])
    action = np.stack([np.repeat(WAYS, c, axis=0).T for c in counts])
    state = np.stack([0 * action[:, 0], np.where(action[:, 0] == 1, 1, 2)], 1)
    x = (state[..., None] == np.arange(3)).astype(float)
    reward = np.where(state == 1, np.where(action == 0, 1.0, -2.0), 0.0)
    l = policy.head.log_prob(policy.split(policy.forward(theta, x)[0])[0], action)
    end = np.broadcast_to([[False], [True]], state.shape)
    data = Rollout(x, action, reward, l, 0 * l, end, np.ones(state.shape, bool))
    ways = [lgamma(N + 1) - sum(lgamma(n + 1) for n in c) for c in counts]
    # At the end there is nothing to choose, and theta[4:] is of no account.
    return data, np.exp(ways + (l * (state < 2)).sum((1, 2)))


class Tabulated(example.CorridorTasks):
    """The corridor as tables: the same tasks, for the exact return."""

    def tables(self):
        P, R = np.zeros((3, 2, 3)), np.zeros((len(self), 3, 2))
        P[0, 0, 2] = P[0, 1, 1] = P[1:, :, 2] = 1
        R[:, 1] = np.where(np.arange(2) == self.door[:, None], 1, -2)
        P, start = (np.broadcast_to(a, (len(self),) + a.shape) for a in (P, np.eye(3)[0]))
        return P, R, start


def exact(K):
    """Minus the return of K tasks whose right door is door 0."""
    return -exact_return(Tabulated(Corridor(), np.zeros(K, int)))


def mean_gradient(learner, theta):
    """The mean of the meta-gradient of the return, over all batches: [6]."""
    K = (N + 1) * (N + 2) // 2
    theta = share(theta, K)
    data, p = every_batch(learner.policy, theta)
    assert p.sum() == pytest.approx(1, rel=1e-12)
    inner, scores = learner.inner_losses([data]), ()
    if isinstance(learner, EMAML):
        earned = -exact(K).at(learner.adaptation(inner).at(theta).phi).value
        scores = [learner.score(data, earned)],
    return -p @ learner.meta_loss(theta, inner, exact(K), *scores).grad()


def began(start):
    theta = np.zeros(6)
    theta[1] = np.log(start / (1 - start))
    return theta


def test_from_a_timid_policy_only_dice_and_e_maml_point_to_the_doors():
    gradients = {name: mean_gradient(learner, began(0.1))[1]
                 for name, learner in learners(0.1).items() if name != "pretrained"}
    assert all(gradients[name] < -0.01 for name in NO_CREDIT)
    assert all(gradients[name] > 0.01 for name in CREDIT)


def test_e_mamls_is_the_gradient_of_the_return_after_adaptation():
    learner, theta = learners(0.1)["E-MAML"], began(0.1) + 0.2 * np.arange(6)
    K = (N + 1) * (N + 2) // 2

    def expected(theta):
        theta = share(theta, K)
        data, p = every_batch(learner.policy, theta)
        steps = learner.adaptation(learner.inner_losses([data]))
        return -p @ exact(K).at(steps.at(theta).phi).value

    h = 6e-6
    numerical = np.array([(expected(theta + h * e) - expected(theta - h * e)) / (2 * h)
                          for e in np.eye(6)[:4]])
    gradient = mean_gradient(learner, theta)[:4]
    assert np.linalg.norm(gradient - numerical) < 1e-7 * np.linalg.norm(numerical)
    plain = mean_gradient(learners(0.1)["MAML, log-likelihood"], theta)[:4]
    assert np.linalg.norm(plain - numerical) > 0.1 * np.linalg.norm(numerical)


def test_where_going_is_as_likely_as_not_all_point_to_the_doors():
    for name in NO_CREDIT + CREDIT:
        assert mean_gradient(learners(0.5)[name], began(0.5))[1] > 0.01


def test_the_corridor_is_a_family():
    check_tasks(Corridor())


def test_a_short_training_goes_there_too():
    results = main(iterations=80, seeds=2)
    for name, (explores, _) in results.items():
        assert (explores > 0.3).all() if name in CREDIT else (explores < 0.06).all()


@pytest.mark.slow
def test_dice_and_e_maml_learn_to_explore_with_every_seed_and_the_others_never():
    for name, (explores, returns) in main().items():
        if name in CREDIT:
            assert explores.min() > 0.5 and np.median(returns[:, 1]) > 0.9
            assert returns[:, 1].min() > 0.35
        else:
            assert explores.max() < 0.02 and returns[:, 1].max() < 0.01
