"""Several learners on the same tasks, and several seeds."""
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, MLPPolicy, RecurrentPolicy, Reinforce, compare,
                      evaluate, load, meta_train, sweep)
from minimeta.rivals.bandit_agents import BanditAgent
from minimeta.runs.compare import Comparison, interval
from minimeta.tasks import BernoulliBandit, GridNavigation

GRID = GridNavigation(3, horizon=4, episodes=2)
LEARNERS = {"RL2": RL2(RecurrentPolicy(9, Categorical(5), 4), episodes=2, trials=2),
            "MAML": MAML(MLPPolicy(9, Categorical(5), (4,)), trials=6, rounds=2)}


@pytest.fixture(scope="module")
def runs():
    return {name: meta_train(learner, GRID, iterations=2, tasks=3)
            for name, learner in LEARNERS.items()}


def test_all_learners_meet_the_tasks_that_evaluate_meets(runs):
    table = compare(runs, GRID, tasks=7, seed=4)
    for name, run in runs.items():
        curve = evaluate(run.learner, run.theta, GRID, tasks=7, seed=4)
        assert np.array_equal(table.returns[name], curve.returns)
    assert table.n == 7 and table.known["oracle"].shape == (7,)
    assert (table.known["oracle"] >= table.returns["RL2"].max(1) - 1e-6).all()


def test_a_pair_of_learner_and_theta_is_as_good_as_a_run(runs):
    run = runs["MAML"]
    one, other = (compare({"MAML": it}, GRID, tasks=3) for it in (run, (run.learner, run.theta)))
    assert np.array_equal(one.returns["MAML"], other.returns["MAML"])


def test_experience_is_counted_in_episodes(runs):
    table = compare(runs, GRID, tasks=3)
    assert table.episodes["RL2"].tolist() == [0, 1]
    assert table.episodes["MAML"].tolist() == [0, 6, 12]


def test_more_rounds_are_for_those_who_adapt_between_trials(runs):
    table = compare(runs, GRID, tasks=3, rounds=4)
    assert table.returns["MAML"].shape == (3, 5) and table.returns["RL2"].shape == (3, 2)


def made_up(seed, K=400):
    """Tasks differ by 3, the learners by 0.2."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 3, (K, 1))
    return Comparison({"A": hard + rng.normal(0, 0.5, (K, 2)),
                       "B": hard + 0.2 + rng.normal(0, 0.5, (K, 2))},
                      {"A": np.arange(2), "B": np.arange(2)}, {})


def test_differences_task_by_task_tell_apart_what_the_means_do_not():
    table = made_up(0)
    less, half = table.difference("B", "A")
    assert less - half > 0
    (a, half_a), (b, half_b) = (interval(table.returns[name][:, -1]) for name in "AB")
    assert a + half_a > b - half_b
    assert table.difference("A", "B")[0] == -less


def test_the_interval_of_a_difference_holds_it_in_95_of_100_cases():
    hits = 0
    for seed in range(400):
        less, half = made_up(seed, K=8).difference("B", "A")
        hits += less - half <= 0.2 <= less + half
    assert 0.92 < hits / 400 < 0.98


def test_the_interval_holds_for_few_tasks_too():
    """Student's t for 3 values: 4.303 standard errors."""
    mean, half = interval(np.array([1.0, 2.0, 3.0]))
    assert mean == 2 and abs(half - 4.302653 / 3 ** 0.5) < 1e-5
    assert np.isnan(interval(np.ones((1, 2)))[1]).all()


def test_the_table_has_a_line_for_each_amount_of_experience_and_each_difference(runs):
    table = compare(runs, GRID, tasks=5)
    lines = str(table).splitlines()
    assert lines[0].startswith("5 fresh tasks") and "95% interval" in lines[0]
    assert [line.split()[0] for line in lines[1:8]] == [
        "random", "oracle", "RL2", "RL2", "MAML", "MAML", "MAML"]
    assert lines[8] == f"less than {table.best} in the end, on the same tasks:"
    assert len(lines) == 10 and len({len(line.split("[")[0]) for line in lines[1:8]}) == 1


def test_one_learner_needs_no_difference(runs):
    assert "less than" not in str(compare({"RL2": runs["RL2"]}, GRID, tasks=3))


class Silent:
    """A family that knows neither oracle nor random."""

    def __init__(self, family):
        self.family = family

    def __getattr__(self, name):
        return getattr(self.family, name)

    def sample(self, K, rng):
        return Untold(self.family.sample(K, rng))


class Untold:
    def __init__(self, tasks):
        self.tasks, self.family = tasks, tasks.family
        self.reset, self.step = tasks.reset, tasks.step

    def __len__(self):
        return len(self.tasks)


def test_a_family_need_not_know_its_oracle(runs):
    table = compare(runs, Silent(GRID), tasks=3)
    assert table.known == {} and str(table).splitlines()[1].startswith("RL2")


def test_held_out_tasks_are_another_family(runs):
    far = replace(GRID, goals=((2, 2),))
    assert len(set(compare(runs, far, tasks=5).known["oracle"])) == 1


@pytest.mark.parametrize("given, message", [
    ({}, "runs must be a dict"), ([1], "runs must be a dict"),
    ({"MAML": 3}, r"runs\['MAML'\] must be a run, or \(learner, theta\), got 3")])
def test_what_cannot_be_compared_is_refused(given, message):
    with pytest.raises(TypeError, match=message):
        compare(given, GRID, tasks=3)


def test_an_unknown_name_lists_the_names(runs):
    with pytest.raises(ValueError, match="name must be one of 'RL2', 'MAML', got 'maml'"):
        compare(runs, GRID, tasks=3).difference("maml", "RL2")


# ---- several seeds

BANDIT = BernoulliBandit(3, 4)
LEARNER = Reinforce(MLPPolicy(1, Categorical(3), (4,)), trials=3)
SIZES = dict(iterations=3, tasks=2)


@pytest.mark.parametrize("pool", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_sweep_is_one_training_a_seed_whatever_the_executor(pool, tmp_path):
    executor = pool(2) if pool else None
    runs = sweep(LEARNER, BANDIT, seeds=(3, 1), run_dir=tmp_path, executor=executor, **SIZES)
    if executor:
        executor.shutdown()
    for seed, run in zip((3, 1), runs, strict=True):
        alone = meta_train(LEARNER, BANDIT, seed=seed, **SIZES)
        assert np.array_equal(run.theta, alone.theta) and run.log == alone.log
        assert np.array_equal(load(tmp_path / f"seed{seed}").theta, alone.theta)


def test_a_sweep_goes_on_and_takes_more_seeds(tmp_path):
    sweep(LEARNER, BANDIT, seeds=[0], run_dir=tmp_path, **SIZES)
    runs = sweep(LEARNER, BANDIT, seeds=[0, 5], run_dir=tmp_path, resume=True, iterations=4,
                 tasks=2)
    assert [len(run.log) for run in runs] == [4, 4]
    assert runs[0].log[:3] == load(tmp_path / "seed0").log[:3]


@pytest.mark.parametrize("options, message", [
    (dict(seeds=[]), "seeds must be different, and one at least"),
    (dict(seeds=[1, 1]), "seeds must be different"),
    (dict(seeds=[0], resume=True), "resume=True needs the run_dir of a sweep"),
    (dict(seeds=[0], executor=4), r"executor must be one such as ThreadPoolExecutor\(2\)"),
    (dict(seeds=[0.5]), "a seed must be a whole number")])
def test_a_sweep_that_cannot_be_is_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sweep(LEARNER, BANDIT, **options, **SIZES)


def test_a_classical_agent_is_compared_with_a_learner():
    bandit = replace(BANDIT, pulls=5)
    agent = BanditAgent(3, lambda wins, losses, rng: wins - losses)
    if not hasattr(agent, "collect"):
        pytest.skip("classical agents have no collect")
    run = meta_train(LEARNER, bandit, **SIZES)
    assert compare({"count": (agent, None), "learner": run}, bandit, tasks=4).n == 4
