"""Several learners on the same tasks, and several seeds."""
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit

from minimeta import (MAML, RL2, Categorical, CheckpointError, Gaussian, MLPPolicy, RecurrentPolicy,
                      Reinforce, compare, evaluate, load, meta_train, sweep)
from minimeta.rivals.bandit_agents import BanditAgent, greedy
from minimeta.runs.compare import Comparison, Uniform, block, line
from minimeta.runs.estimate import Estimate, difference, estimate, over_seeds, over_tasks
from minimeta.tasks import BernoulliBandit, Box, Discrete, GridNavigation, PointNavigation

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
        assert np.array_equal(table.returns[name], curve.returns[None])
    assert table.n == 7 and table.known["oracle"].shape == (7,)
    assert (table.known["oracle"] >= table.returns["RL2"].max((0, 2)) - 1e-6).all()


def test_a_pair_of_learner_and_theta_takes_the_place_of_a_run(runs):
    run = runs["MAML"]
    one, other = (compare({"MAML": it}, GRID, tasks=3) for it in (run, (run.learner, run.theta)))
    assert np.array_equal(one.returns["MAML"], other.returns["MAML"])


def test_experience_is_counted_in_episodes_and_in_steps(runs):
    """An episode of this room has 4 steps; MAML adapts to 6 of them at once."""
    table = compare(runs, GRID, tasks=3)
    assert table.episodes["RL2"].tolist() == [0, 1] and table.steps["RL2"].tolist() == [0, 4]
    assert table.episodes["MAML"].tolist() == [0, 6, 12]
    assert table.steps["MAML"].tolist() == [0, 24, 48]


def test_more_rounds_are_for_those_who_adapt_between_trials(runs):
    table = compare(runs, GRID, tasks=3, rounds=4)
    assert table.returns["MAML"].shape == (1, 3, 5) and table.returns["RL2"].shape == (1, 3, 2)


def made_up(seed, K=400, seeds=1):
    """Tasks differ by 3, the learners by 0.2, the trainings of one learner by 0.1."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 3, (K, 1))
    returns = {name: hard + more + rng.normal(0, 0.1 * (seeds > 1), (seeds, 1, 1))
               + rng.normal(0, 0.5, (seeds, K, 2)) for name, more in (("A", 0.0), ("B", 0.2))}
    both = {name: np.arange(2) for name in "AB"}
    return Comparison(returns, both, both, {})


def test_differences_task_by_task_tell_apart_what_the_means_do_not():
    table = made_up(0)
    assert table.difference("B", "A").low > 0
    assert table.estimate("A").high[-1] > table.estimate("B").low[-1]
    assert table.difference("A", "B").mean == -table.difference("B", "A").mean


@pytest.mark.parametrize("K, seeds", [(8, 1), (8, 3), (40, 6)])
def test_the_interval_of_a_difference_holds_it_in_95_of_100_cases(K, seeds):
    hits = 0
    for seed in range(400):
        if seeds == 3:  # these trainings differ by nothing but luck
            tables = [made_up(seed, K).returns for _ in range(3)]
            table = Comparison({name: np.concatenate([t[name] for t in tables])
                                for name in "AB"}, {}, {}, {})
        else:
            table = made_up(seed, K, seeds)
        less = table.difference("B", "A")
        hits += less.low <= 0.2 <= less.high
    assert 0.92 < hits / 400 < 0.98


def test_from_five_trainings_on_the_interval_is_over_seeds_and_says_so():
    few, many = made_up(0, seeds=4), made_up(0, seeds=5)
    for table, over in ((few, "400 tasks"), (many, "5 seeds")):
        assert {table.estimate("A").over, table.gain("A").over,
                table.difference("A", "B").over} == {over}
        assert all(row.endswith(over) for row in str(table).splitlines() if "[" in row)
    mixed = Comparison({"A": few.returns["A"], "B": many.returns["B"]}, {}, {}, {})
    assert mixed.difference("A", "B").over == "400 tasks"


@pytest.mark.parametrize("n, least", [(5, 0.90), (8, 0.93), (12, 0.935)])
def test_a_bootstrap_of_few_seeds_holds_the_mean_nearly_as_often_as_it_says(n, least):
    """2000 means of n normal numbers; 0.92 for n = 5 and 0.95 for n = 12 are true, and the
    2.5 % quantiles of the resampled means hold less."""
    values = np.random.default_rng(n).normal(2, 3, (n, 2000))
    found = over_seeds(values)
    assert least < ((found.low <= 2) & (2 <= found.high)).mean() < 0.97
    rng = np.random.default_rng(1)
    means = np.stack([values[rng.integers(n, size=n)].mean(0) for _ in range(1000)])
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    assert ((low <= 2) & (2 <= high)).mean() < least


def test_the_interval_holds_for_few_tasks_too():
    """Student's t for 3 values: 4.303 standard errors."""
    found = over_tasks(np.array([1.0, 2.0, 3.0]))
    assert found.mean == 2 and abs(found.high - 2 - 4.302653 / 3 ** 0.5) < 1e-5
    assert np.isnan(over_tasks(np.ones((1, 2))).low).all()


def test_a_gain_is_after_minus_before_task_by_task(runs):
    table = compare(runs, GRID, tasks=9)
    for name in runs:
        [each] = table.returns[name]
        assert table.gain(name) == over_tasks(each[:, -1] - each[:, 0])


def first_words(table):
    return [line.split()[0] for line in str(table).splitlines()]


def test_the_table_has_a_line_for_each_amount_of_experience_and_each_difference(runs):
    table = compare(runs, GRID, tasks=5)
    head, title, *lines = str(table).splitlines()
    assert head.split() == ["episodes", "steps", "return", "95%", "interval", "over"]
    assert title == "5 fresh tasks"
    assert first_words(table)[2:9] == ["random", "oracle", "RL2", "RL2", "MAML", "MAML", "MAML"]
    mean = table.returns["MAML"][..., 1].mean()
    assert lines[5].split()[:4] == ["MAML", "6", "24", f"{mean:.3f}"]
    assert lines[7] == "more in the end than at first, on the same tasks:"
    assert lines[10] == f"less than {table.best} in the end, on the same tasks:"
    assert float(lines[11].split()[1]) == pytest.approx(table.difference(
        table.best, lines[11].split()[0]).mean, abs=6e-4) and float(lines[11].split()[1]) > 0
    assert len(lines) == 12 and len({len(line.split("[")[0]) for line in lines if "[" in line}) == 1


def test_an_agent_that_does_not_learn_has_no_gain():
    agent = BanditAgent(3, greedy)
    table = compare({"greedy": agent}, BernoulliBandit(3, 4), tasks=3)
    assert table.returns["greedy"].shape[-1] == 1 and "more in the end" not in str(table)


def test_the_lower_end_of_an_interval_comes_first(runs):
    ends = re.findall(r"\[(\S+), (\S+)\]", str(compare(runs, GRID, tasks=5)))
    assert len(ends) == 10 and all(float(low) <= float(high) for low, high in ends)
    assert any(float(low) < float(high) for low, high in ends[2:7])


def test_of_a_few_seeds_the_mean_is_compared_task_by_task():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 30)), rng.normal(size=(3, 30))
    found = difference(one, other)
    assert found.mean == pytest.approx(one.mean() - other.mean()) and found.over == "30 tasks"


def test_steps_are_the_mean_over_seeds(runs):
    one, two = (compare({"MAML": many}, GRID, tasks=5).steps["MAML"]
                for many in (runs["MAML"], [runs["MAML"], runs["MAML"]]))
    assert np.array_equal(one, two) and one[-1] > 0


def test_the_fewer_seeds_of_two_learners_are_told():
    one, other = np.random.default_rng(0).normal(size=(2, 12))
    assert over_seeds(one[:5], other).over == over_seeds(one, other[:5]).over == "5 seeds"


def test_an_estimate_over_seeds_is_about_the_mean_of_all():
    returns = np.random.default_rng(0).normal(size=(5, 30))
    assert estimate(returns).mean == pytest.approx(returns.mean())
    assert estimate(returns).over == "5 seeds"


def test_two_runs_in_a_tuple_are_two_seeds(runs):
    table = compare({"MAML": (runs["MAML"], runs["MAML"])}, GRID, tasks=3)
    assert table.returns["MAML"].shape[:2] == (2, 3)


def test_an_executor_does_the_work_of_a_comparison(runs):
    class Counting(ThreadPoolExecutor):
        n = 0

        def submit(self, *args):
            self.n += 1
            return super().submit(*args)

    counts = []
    for shards in (2, 4):
        with Counting(2) as executor:
            table = compare(runs, GRID, tasks=4, executor=executor, shards=shards)
        counts.append(executor.n)
        assert str(table) == str(compare(runs, GRID, tasks=4, shards=shards))
    assert 0 < counts[0] < counts[1]


def test_one_learner_needs_no_difference(runs):
    assert "less than" not in str(compare({"RL2": runs["RL2"]}, GRID, tasks=3))


def test_several_seeds_of_a_learner_are_one_entry(runs):
    learner = LEARNERS["MAML"]
    seeds = sweep(learner, GRID, seeds=range(5), iterations=1, tasks=2)
    mixed = [runs["MAML"], (learner, seeds[0].theta)]
    table = compare({"MAML": seeds, "two": mixed, "RL2": runs["RL2"]}, GRID, tasks=6)
    assert [len(table.returns[name]) for name in table.returns] == [5, 2, 1]
    for run, returns in zip(seeds, table.returns["MAML"]):
        assert np.array_equal(returns, evaluate(learner, run.theta, GRID, tasks=6).returns)
    assert str(table).count("5 seeds") == 4


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


def test_where_a_family_does_not_know_what_chance_earns_chance_plays(runs):
    table, true = (compare(runs, family, tasks=3000) for family in (Silent(GRID), GRID))
    assert list(table.known) == ["random"] and "oracle" not in str(table)
    played = over_tasks(table.known["random"] - true.known["random"])
    assert played.low < 0 < played.high and played.high - played.low < 0.05


def test_chance_moves_an_arm_too():
    plane = PointNavigation(horizon=4)
    learner = MAML(MLPPolicy(2, Gaussian(2), (4,)), trials=3)
    run = meta_train(learner, plane, iterations=1, tasks=2)
    assert np.isfinite(compare({"MAML": run}, Silent(plane), tasks=3).known["random"]).all()


def test_held_out_tasks_are_another_family(runs):
    far = replace(GRID, goals=((2, 2),))
    both = compare(runs, {"as in training": GRID, "held out": far}, tasks=5)
    assert len(set(both["held out"].known["oracle"])) == 1
    alone = compare(runs, GRID, tasks=5)
    for name in runs:
        assert np.array_equal(both["as in training"].returns[name], alone.returns[name])
    titles = [line for line in str(both).splitlines() if "fresh tasks" in line]
    assert titles == ["5 fresh tasks, as in training", "5 fresh tasks, held out"]
    with pytest.raises(ValueError, match="name must be one of 'as in training', 'held out'"):
        both["far"]


@pytest.mark.parametrize("given, message", [
    ({}, "runs must be a dict"), ([1], "runs must be a dict"),
    ({"MAML": 3}, r"runs\['MAML'\] must be a run, \(learner, theta\), an agent .*, got 3"),
    ({"MAML": []}, r"runs\['MAML'\] must be a run, .*, or a list of those, got \[\]"),
    ({"MAML": LEARNERS["MAML"]}, r"runs\['MAML'\] must be a run, \(learner, theta\)"),
    ({"A": [LEARNERS["MAML"], 4]}, r"runs\['A'\] must be a run"),
    ({"A": SimpleNamespace(learner=LEARNERS["MAML"])}, r"runs\['A'\] must be a run"),
    ({"A": SimpleNamespace(theta=3)}, r"runs\['A'\] must be a run"),
    ({"A": (LEARNERS["MAML"], 1, 2)}, r"runs\['A'\] must be a run")])
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
    assert isinstance(runs, tuple)
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


def test_a_sweep_does_not_go_on_unasked(tmp_path):
    sweep(LEARNER, BANDIT, seeds=[0], run_dir=tmp_path, **SIZES)
    with pytest.raises(CheckpointError, match="seed0 holds a run already; use resume=True"):
        sweep(LEARNER, BANDIT, seeds=[0], run_dir=tmp_path, **SIZES)


@pytest.mark.parametrize("options, error, message", [
    (dict(seeds=[]), ValueError, "seeds must be different, and one at least"),
    (dict(seeds=[1, 1]), ValueError, "seeds must be different"),
    (dict(seeds=[0], resume=True), ValueError, "resume=True needs the run_dir of a sweep"),
    (dict(seeds=[-1]), ValueError, "a seed must be at least 0, got -1"),
    (dict(seeds=[0], resume="yes"), TypeError, "resume must be True or False, got 'yes'"),
    (dict(seeds=[0], run_dir=4), TypeError, "run_dir must be a path, got 4"),
    (dict(seeds=[0], executor=4), TypeError,
     r"executor must be one such as ThreadPoolExecutor\(2\)"),
    (dict(seeds=[0.5]), TypeError, "a seed must be a whole number")])
def test_a_sweep_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        sweep(LEARNER, BANDIT, **options, **SIZES)


def test_a_classical_agent_is_compared_with_a_learner():
    agent = BanditAgent(3, lambda wins, losses, rng: wins - losses)
    run = meta_train(LEARNER, BANDIT, **SIZES)
    table = compare({"count": agent, "pair": (agent, None), "learner": run}, BANDIT, tasks=4)
    assert np.array_equal(table.returns["count"], table.returns["pair"])
    assert table.returns["count"].shape == (1, 4, 1) and "count" in str(table)


def test_the_best_is_the_one_that_earns_most_in_the_end():
    returns = {"at first": np.array([[[9.0, 1.0], [9.0, 3.0]]]),
               "in the end": np.array([[[0.0, 2.0], [0.0, 2.5]]])}
    episodes = {name: np.array([0, 1]) for name in returns}
    assert Comparison(returns, episodes, episodes, {}).best == "in the end"


def test_the_best_is_so_on_average_however_many_seeds_it_has():
    returns = {"one": np.full((1, 4, 2), 5.0), "three": np.full((3, 4, 2), 3.0)}
    assert Comparison(returns, {}, {}, {}).best == "one"


def test_no_family_is_refused(runs):
    with pytest.raises(TypeError, match="family must be"):
        compare(runs, {}, tasks=3)


def test_the_best_is_chosen_by_its_last_return_alone():
    returns = {"steady": np.full((2, 3, 4), 1.0), "late": np.zeros((2, 3, 4)),
               "early": np.full((2, 3, 4), 9.0)}
    returns["late"][..., -1], returns["early"][..., -1] = 2.0, 0.0
    assert Comparison(returns, {}, {}, {}).best == "late"
    gained = Comparison(returns, {}, {}, {}).gain("late")
    assert gained.mean == 2 and Comparison(returns, {}, {}, {}).difference("late",
                                                                           "early").mean == 2


def test_a_line_of_the_table_has_its_columns():
    assert line("MAML", 10, Estimate(1.0, 0.5, 1.25, "7 tasks"), 3, 17.6) == (
        "  MAML             3        18       1.000   [0.500, 1.250]        7 tasks")
    assert line("random", 10, Estimate(-1.0, -2.0, 0.0, "7 tasks")) == (
        "  random                            -1.000   [-2.000, 0.000]       7 tasks")
    assert block("title", 10, {}) == [] and len(block("title", 10, {
        "a": Estimate(1.0, 0.5, 1.25, "7 tasks")})) == 2


def test_who_acts_uniformly_has_no_memory_and_no_value():
    agent = Uniform(Discrete(3))
    act, memory = agent.act(None, "kept", np.zeros((5, 2)), np.random.default_rng(0))
    assert memory == "kept" and act.action.shape == (5,) and set(act.action) <= {0, 1, 2}
    assert act.log_prob.tolist() == act.value.tolist() == [0] * 5
    assert agent.see("seen", None, float) == "seen" and agent.begin(None, 3) is None
    obs = Uniform(Box(2)).act(None, None, np.zeros((4, 1)), np.random.default_rng(0))[0].action
    assert obs.shape == (4, 2)


@pytest.mark.parametrize("n", [5, 9])
def test_the_interval_over_seeds_lies_between_the_promised_quantiles(n):
    values, minus = np.random.default_rng(n).normal(size=(2, n, 3))
    found = over_seeds(values)
    share = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), 10_000) / n
    t = stdtrit(n - 1, 0.975)
    tail = ndtr(-np.sqrt(n / (n - 1)) * t)
    low, high = np.quantile(share @ values, (tail, 1 - tail), axis=0)
    assert np.array_equal(found.mean, values.mean(0)) and found.over == f"{n} seeds"
    assert np.allclose(found.low, low, rtol=0, atol=1e-12)
    assert np.allclose(found.high, high, rtol=0, atol=1e-12)
    less = over_seeds(values, minus[:4])
    assert np.allclose(less.mean, values.mean(0) - minus[:4].mean(0)) and less.over == "4 seeds"
    spread = np.sqrt(values.var(0) / n + minus[:4].var(0) / 4)
    assert np.all((less.high - less.low > 3 * spread) & (less.high - less.low < 11 * spread))
    assert np.allclose((less.low + less.high) / 2, less.mean, rtol=0, atol=2 * spread.max())
