"""What users get wrong, and what they are told: the argument, what it must be, what came."""
from dataclasses import dataclass, replace

import numpy as np
import pytest

from minimeta import (EMAML, MAML, MLP, RL2, Adam, Categorical, Gaussian, Imitation,
                      LinearSchedule, MLPPolicy, NonFiniteError, ProMP,
                      RecurrentPolicy, RegressionMAML, Reinforce, TabularPolicy,
                      evaluate, meta_train, print_progress)
from minimeta.exact import all_trajectories, exact_return
from minimeta.rivals.bandit_agents import BanditAgent, greedy
from minimeta.objective.losses import KL, MeanError, SquaredError, ValueFit
from minimeta.objective.surrogates import (ClippedRatio, Dice, LoadedDice, LogLikelihood, Ratio)
from minimeta.rl import Demonstration, demonstrate, discounted
from minimeta.tasks import (BernoulliBandit, Discrete, GridNavigation, PlanarArm,
                            PointNavigation, RandomMDP, RestlessBandit, Sinusoid)
from minimeta.tasks.bandits import BernoulliTasks
from minimeta.testing import check_map

PLANE, GRID, BANDIT = PointNavigation(horizon=4), GridNavigation(3), BernoulliBandit(3, 4)
WALKER = MLPPolicy(2, Gaussian(2), (5,))
READER = RecurrentPolicy(BANDIT.obs_size, Categorical(3), 6)
ON_PLANE, ON_BANDIT = MAML(WALKER, trials=3), RL2(READER)
FIT = RegressionMAML(MLP((1, 5, 1)))
THETA = ON_PLANE.init(np.random.default_rng(0))
ONES = np.ones((2, 4, 3))


def rng():
    return np.random.default_rng(0)


def untold(call, error, *parts):
    """Which parts the message of the error does not have."""
    with np.errstate(all="ignore"), pytest.raises(error) as caught:
        call()
    return [part for part in parts if part not in str(caught.value)]


# ---- a policy for another family

@pytest.mark.parametrize("policy, family, needed", [
    (MLPPolicy(9, Categorical(3), (4,)), GRID, "Categorical(n=5)"),
    (MLPPolicy(9, Categorical(9), (4,)), GRID, "Categorical(n=5)"),
    (MLPPolicy(2, Categorical(2), (4,)), PLANE, "Gaussian(n=2)"),
    (MLPPolicy(2, Gaussian(3), (4,)), PLANE, "Gaussian(n=2)"),
])
def test_a_head_that_does_other_things_than_the_family_asks_is_refused(policy, family, needed):
    assert not untold(lambda: meta_train(MAML(policy, trials=2), family, iterations=1, tasks=2),
                    ValueError, f"policy must have the head {needed}", f"got {policy.head}")


def test_an_agent_for_another_number_of_arms_is_refused():
    assert not untold(lambda: evaluate(BanditAgent(2, greedy), None, BANDIT, tasks=2),
                    ValueError, "must have the head Categorical(n=3)")


@pytest.mark.parametrize("policy", [
    RecurrentPolicy(3, Categorical(3), 6), RecurrentPolicy(0, Categorical(3), 6)])
def test_a_policy_that_sees_more_or_less_than_is_shown_is_refused(policy):
    assert not untold(lambda: meta_train(RL2(policy), BANDIT, iterations=1, tasks=2),
                    ValueError, "observations must have length", "use obs_size=family.obs_size")


@pytest.mark.parametrize("call, parts", [
    (lambda: MAML(MLP((2, 3, 2))), ("policy must be a policy, such as MLPPolicy(..)",)),
    (lambda: MAML("mlp"), ("policy must be a policy", "got 'mlp'")),
    (lambda: RL2(WALKER), ("policy must have a memory", "got MLPPolicy")),
    (lambda: Imitation(READER), ("policy must be memoryless", "got RecurrentPolicy")),
    (lambda: demonstrate("controller", READER, PlanarArm().sample(1, rng()), episodes=1,
                         rng=rng()), ("policy must be memoryless",)),
    (lambda: MLPPolicy(2, Discrete(3)), ("head must be a distribution", "got Discrete(n=3)")),
    (lambda: MLPPolicy(2, Gaussian(2), 64), ("hidden must be a tuple, got 64",)),
    (lambda: MAML(WALKER, optimizer=Adam), ("optimizer must be one of 'adam', 'sgd'",)),
    (lambda: RL2(READER, optimizer="adam"), ("optimizer must be an Adam(..), got 'adam'",)),
    (lambda: MAML(WALKER, alpha="0.1"), ("alpha must be a number", "got '0.1'")),
    (lambda: MAML(WALKER, alpha=None), ("alpha must be a number", "got None")),
    (lambda: MAML(WALKER, first_order="yes"), ("first_order must be True or False",)),
    (lambda: MAML(WALKER, normalise="no"), ("normalise must be True or False, got 'no'",)),
    (lambda: MAML(WALKER, dtype=int), ("dtype must be np.float32 or np.float64",)),
    (lambda: MAML(WALKER, rate="x"), ("rate must be a number, got 'x'",)),
    (lambda: RL2(READER, rate=None), ("rate must be a number, got None",)),
    (lambda: meta_train(PLANE, ON_PLANE, iterations=1, tasks=1),
     ("learner must be one such as MAML(..), got PointNavigation",)),
    (lambda: meta_train(ON_PLANE, PointNavigation, iterations=1, tasks=1),
     ("family must be one such as", "got <class")),
    (lambda: meta_train(ON_PLANE, Sinusoid(), iterations=1, tasks=1),
     ("tasks must have reset and step", "got SinusoidTasks")),
    (lambda: meta_train(FIT, PLANE, iterations=1, tasks=1),
     ("tasks must have points(R, rng), as those of Sinusoid",)),
    (lambda: meta_train(ON_PLANE, PLANE, iterations=1, tasks=1, seed=None),
     ("seed must be a whole number, got None",)),
    (lambda: meta_train(ON_PLANE, PLANE, iterations=1, tasks=1, theta=THETA.astype(complex)),
     ("theta must be real",)),
    (lambda: evaluate(FIT, FIT.init(rng()), Sinusoid(), tasks=2), ("use its errors()",)),
    (lambda: evaluate(ON_PLANE, None, PLANE, tasks=2), ("theta must be a NumPy array",)),
    (lambda: demonstrate("planner", WALKER, PLANE.sample(1, rng()), episodes=1, rng=rng()),
     ("the planner needs tasks with tables()",)),
    (lambda: all_trajectories(WALKER, THETA[None], PLANE.sample(1, rng())),
     ("tasks must have tables() and observe()",)),
    (lambda: GridNavigation(3, goals=(2, 2)), ("each of goals must be a tuple, got 2",)),
    (lambda: GridNavigation(3, walls=1), ("walls must be a tuple, got 1",)),
    (lambda: PlanarArm(lengths=0.5), ("lengths must be a tuple, got 0.5",)),
    (lambda: Sinusoid(amplitude=3), ("amplitude must be a tuple, got 3",)),
    (lambda: RestlessBandit(10, 0.1), ("volatilities must be a tuple, got 0.1",)),
    (lambda: discounted(np.ones((3, 1), int), 0.5), ("reward must hold floating numbers",)),
])
def test_a_thing_of_another_kind_is_refused_by_name(call, parts):
    assert not untold(call, (TypeError, ValueError), *parts)


@pytest.mark.parametrize("call, parts", [
    (lambda: MAML(WALKER, rate=-0.1), ("rate must be", "got -0.1")),
    (lambda: MAML(WALKER, rate=LinearSchedule(-1.0)), ("rate must be", "got -1.0")),
    (lambda: MAML(WALKER, alpha=[0.1, np.nan]), ("alpha must be positive", "got nan")),
    (lambda: RL2(READER, entropy_weight=-1), ("entropy_weight must be",)),
    (lambda: RL2(READER, value_weight=-1), ("value_weight must be",)),
    (lambda: Adam(beta1=1.0), ("beta1 must be", "got 1.0")),
    (lambda: LinearSchedule(np.nan), ("start must be",)),
    (lambda: MAML(WALKER, alpha=np.full(WALKER.size, 0.1), learn_alpha=True),
     ("one for each parameter is an array", f"[1, {WALKER.size}]")),
    (lambda: evaluate(ON_BANDIT, ON_BANDIT.init(rng()), BANDIT, tasks=2, rounds=2),
     ("rounds must be 0 for RL2",)),
    (lambda: evaluate(ON_BANDIT, ON_BANDIT.init(rng()) * np.nan, BANDIT, tasks=2),
     ("theta must be finite, got nan",)),
    (lambda: evaluate(ON_PLANE, np.append(THETA, 1), PLANE, tasks=2), ("theta must have shape",)),
    (lambda: evaluate(ON_PLANE, THETA[:-1], PLANE, tasks=2), ("theta must have shape",)),
    (lambda: evaluate(ON_BANDIT, RecurrentPolicy(1, Categorical(3), 9).init(rng()),
                      BANDIT, tasks=2),
     ("theta must have shape",)),
    (lambda: evaluate(ON_PLANE, THETA, PLANE, tasks=2, seed=-1), ("seed must be at least 0",)),
    (lambda: meta_train(RL2(RecurrentPolicy(9, Categorical(5), 6)), GRID, iterations=1, tasks=2),
     ("episodes must be those of the family's trials, 4, got 1", "use RL2(.., episodes=4)")),
    (lambda: demonstrate("planner", MLPPolicy(9, Categorical(5)), GRID.sample(1, rng()),
                         episodes=1, rng=rng(), noise=2.0), ("noise must be", "[0, 1]")),
    (lambda: exact_return(GRID.sample(1, rng()), policy=TabularPolicy(9, 4)),
     ("policy must be memoryless, with 9 inputs",)),
    (lambda: all_trajectories(TabularPolicy(3, 3), np.zeros((1, 9)),
                              RandomMDP(3, 2).sample(1, rng())),
     ("policy must be memoryless, with 3 inputs and the head Categorical(n=2)",)),
    (lambda: check_map(MLP((2, 3, 1)), (5, 2), scales=()), ("leads and scales must hold",)),
    (lambda: PlanarArm(friction=(50, 50)), ("substeps must be at least", "got 4")),
    (lambda: PlanarArm(dt=0.2, substeps=1), ("substeps must be at least",)),
    (lambda: PlanarArm(torque=1e6).sample(3, rng()).random(), ("use more substeps",)),
    (lambda: meta_train(RegressionMAML(MLP((1, 5, 2))), Sinusoid(), iterations=1, tasks=2),
     ("y must have the shape of targets, [2, 5, 1], got [2, 5, 2]",)),
    (lambda: SquaredError(ONES, ONES[..., :1]), ("w must have the shape of the rows of targets",)),
    (lambda: MeanError(WALKER, ONES, ONES), ("w must have the shape of the rows of actions",)),
    (lambda: KL(WALKER, ONES, ONES), ("w must have the shape of the rows of u_old",)),
    (lambda: ValueFit(READER, ONES, ONES[0]), ("w must have the shape of targets",)),
    (lambda: Dice(ONES, ONES, np.ones((4, 3))), ("mask must have the shape of l_old",)),
    (lambda: LoadedDice(ONES, ONES, np.ones((2, 4))), ("mask must have the shape of l_old",)),
    (lambda: Ratio(ONES, ONES[:1]), ("l_old must have the shape of A, [2, 4, 3], got [1, 4, 3]",)),
    (lambda: ON_PLANE.adapt(THETA, []), ("history must hold",)),
    (lambda: print_progress(10, lines=0), ("lines must be at least 1, got 0",)),
    (lambda: meta_train(FIT, Sinusoid(), iterations=1, tasks=2,
                        callback=print_progress(1, of="return")),
     ("of must be one of 'loss', 'gradient', got 'return'",)),
])
def test_a_value_that_cannot_be_is_refused_with_what_it_must_be(call, parts):
    assert not untold(call, ValueError, *parts)


@pytest.mark.parametrize("surrogate", [
    LogLikelihood(ONES), Ratio(ONES, ONES), ClippedRatio(ONES, ONES), Dice(ONES, ONES),
    LoadedDice(ONES, ONES)], ids=lambda s: type(s).__name__)
def test_a_tangent_of_another_shape_is_refused(surrogate):
    assert not untold(lambda: surrogate.hvp(ONES, ONES[..., :1]), ValueError,
                      "l_dot must have the shape")


# ---- data

def test_batches_of_different_tasks_do_not_make_a_history():
    data = ON_PLANE.collect(THETA, PLANE.sample(5, rng()), rng())
    assert not untold(lambda: ON_PLANE.adapt(THETA, [data[:2], data]), ValueError,
                      "got [2, 5] tasks")
    assert not untold(lambda: ON_PLANE.update(THETA, None, [data], data[:2], 0.0), ValueError,
                    "history must hold batches of the same tasks")


def test_a_batch_of_trials_without_a_step_is_refused():
    theta = ON_BANDIT.init(rng())
    data = ON_BANDIT.collect(theta, BANDIT.sample(2, rng()), rng())
    empty = replace(data, mask=np.zeros_like(data.mask))
    assert not untold(lambda: ON_BANDIT.update(theta, None, [], empty, 0.0), ValueError,
                    "mask must have a step in every task, got none in task 0")


@pytest.mark.parametrize("change, part", [
    ({"mask": np.full((1, 2, 3), 2.0)}, "mask must hold 1"),
    ({"mask": np.full((1, 2, 3), np.nan)}, "mask must hold 1"),
    ({"action": np.full((1, 2, 3, 2), np.nan)}, "action of a demonstration must be finite"),
    ({"action": np.zeros((1, 3, 2))}, "action must be [K, T, B, ..]"),
])
def test_a_demonstration_that_cannot_be_is_refused(change, part):
    good = {"x": np.zeros((1, 2, 3, 4)), "after": np.zeros((1, 2, 3, 4)),
            "mask": np.ones((1, 2, 3))}
    assert not untold(lambda: Demonstration(**good | change), ValueError, part)


@pytest.mark.parametrize("actions, error, part", [
    (np.full((2, 4, 1), 5), ValueError, "actions must be in [0, 5), got 5"),
    (np.zeros((2, 4, 1)), TypeError, "actions must be integers, got dtype float64"),
])
def test_demonstrated_actions_that_cannot_be_are_refused(actions, error, part):
    learner = Imitation(MLPPolicy(9, Categorical(5), (4,)))
    shown = Demonstration(np.zeros((2, 4, 1, 9)), np.zeros((2, 4, 1, 9)),
                          np.ones((2, 4, 1)), actions)
    theta = learner.init(rng()).astype(float)
    assert not untold(lambda: learner.adapt(theta, [shown]), error, part)


def family_that_gives(**wrong):
    """A bandit family whose step gives something else."""
    @dataclass(frozen=True)
    class Tasks(BernoulliTasks):
        def step(self, state, action, rng):
            given = dict(zip(("state", "obs", "reward", "done"),
                             super().step(state, action, rng)))
            return tuple((given | {k: f(given[k]) for k, f in wrong.items()}).values())

    class Family(BernoulliBandit):
        def sample(self, K, rng):
            tasks = super().sample(K, rng)
            return Tasks(self, tasks.p)

    return Family(3, 4)


@pytest.mark.parametrize("wrong, part", [
    ({"reward": lambda r: r[:, 0]}, "must have shape [4, 1], got [4]"),
    ({"done": lambda d: d[0]}, "must have shape [4, 1], got [1]"),
    ({"reward": lambda r: r * np.nan}, "reward must be finite, got nan"),
])
def test_a_family_of_ones_own_that_breaks_its_word_is_refused(wrong, part):
    assert not untold(lambda: RL2(READER).collect(ON_BANDIT.init(rng()),
                                                family_that_gives(**wrong).sample(4, rng()), rng()),
                    ValueError, part)


# ---- a training that diverges

@pytest.mark.parametrize("learner, family", [
    (MAML(WALKER, alpha=1000.0, trials=10), PointNavigation(horizon=10)),
    (MAML(WALKER, alpha=100.0, trials=10, normalise=False), PointNavigation(horizon=10)),
    (EMAML(WALKER, rate=1e38, trials=5), PLANE),
    (ProMP(WALKER, rate=1e38, trials=5), PLANE),
    (Reinforce(WALKER, rate=1e38, trials=5), PLANE),
    (RL2(READER, rate=1e38), BANDIT),
    (RegressionMAML(MLP((1, 20, 1), "relu"), alpha=10.0, steps=5), Sinusoid()),
], ids=lambda part: type(part).__name__)
def test_a_training_that_diverges_stops_with_its_iteration_and_what_it_had_learned(
        learner, family):
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="finite") as caught:
        meta_train(learner, family, iterations=40, tasks=5)
    result = caught.value.result
    assert np.isfinite(result.theta).all()
    assert str(caught.value).startswith(f"iteration {len(result.log)}: ")
