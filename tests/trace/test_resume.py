"""A training that is killed and resumed is the training that was never killed, to the bit."""
import os
import signal

import numpy as np
import pytest

from minimeta import (EMAML, MAML, RL2, Categorical, CheckpointError, Gaussian, Imitation,
                      LinearSchedule, RecurrentPolicy, MLPPolicy, ProMP, RegressionMAML,
                      RegressionPretrained, RegressionReptile, Reinforce, Reptile, TrustRegion,
                      meta_train)
from minimeta.calculus import MLP
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation, Sinusoid
from minimeta.trace import Folder, Keeper, log, result

BANDIT, PLANE, CURVE = BernoulliBandit(3, 4), PointNavigation(horizon=3), Sinusoid()
GRID = GridNavigation(3, horizon=4, episodes=1)
ARMS, MOVE = MLPPolicy(1, Categorical(3), (4,)), MLPPolicy(2, Gaussian(2), (5,))
NET = MLP((1, 6, 1))
FALL = LinearSchedule(0.02, 0.001)
RUNS = {
    "RL2": (RL2(RecurrentPolicy(1, Categorical(3), 4), trials=2), BANDIT),
    "MAML": (MAML(MOVE, trials=3, rate=FALL), PLANE),
    "Meta-SGD": (MAML(ARMS, trials=3, learn_alpha=True, dtype=np.float64), BANDIT),
    "MAML, trust region": (MAML(MOVE, trials=3, optimizer=TrustRegion(cg_steps=3)), PLANE),
    "E-MAML": (EMAML(ARMS, trials=3, rounds=2), BANDIT),
    "ProMP": (ProMP(MOVE, trials=3, target_kl=1e-9, epochs=2), PLANE),
    "Reptile": (Reptile(ARMS, trials=3, optimizer="adam"), BANDIT),
    "Reinforce": (Reinforce(MOVE, trials=3), PLANE),
    "regression, MAML": (RegressionMAML(NET), CURVE),
    "regression, Reptile": (RegressionReptile(NET, steps=2), CURVE),
    "regression, pretrained": (RegressionPretrained(NET, rate=FALL), CURVE),
    "imitation": (Imitation(MLPPolicy(9, Categorical(5), (4,))), GRID),
    "imitation, learned loss": (
        Imitation(MLPPolicy(9, Categorical(5), (4,)), inner="learned"), GRID),
}
N, SIZES = 6, dict(tasks=4, seed=3)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is needed")


@pytest.fixture
def always(monkeypatch):
    """A checkpoint after every iteration."""
    monkeypatch.setattr(result, "EVERY", 0)
    monkeypatch.setattr(result, "SHARE", np.inf)


@pytest.fixture
def rarely(monkeypatch):
    """A checkpoint after the first iteration alone, and at the end."""
    monkeypatch.setattr(result, "EVERY", 1e9)


def killed(act):
    """Runs act() in a child process, which must die by kill -9."""
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def after(n):
    """A callback that kills the process when n iterations are done."""
    return lambda iteration, row, theta: die() if iteration + 1 == n else None


def train(name, path=None, **options):
    learner, family = RUNS[name]
    return meta_train(learner, family, **(dict(iterations=N, run_dir=path) | SIZES | options))


def nests(tree):
    """The leaves of an optimizer's state."""
    return [leaf for each in tree for leaf in nests(each)] if isinstance(tree, tuple) else [tree]


def assert_same(one, other):
    assert one.theta.dtype == other.theta.dtype and np.array_equal(one.theta, other.theta)
    assert one.log == other.log and len(one.log) == N
    assert type(one.state) is type(other.state)
    for a, b in zip(nests(one.state), nests(other.state), strict=True):
        assert type(a) is type(b) and np.array_equal(a, b)


@needs_fork
@pytest.mark.parametrize("name", RUNS)
def test_a_killed_training_goes_on_as_if_it_had_never_stopped(name, tmp_path, always):
    whole = train(name, tmp_path / "whole")
    killed(lambda: train(name, tmp_path / "killed", callback=after(1)))
    killed(lambda: train(name, tmp_path / "killed", callback=after(3), resume=True))
    killed(lambda: train(name, tmp_path / "killed", callback=after(5), resume=True))
    again = train(name, tmp_path / "killed", resume=True)
    assert_same(whole, again)
    tables = [log.read(tmp_path / path / "log.csv") for path in ("whole", "killed")]
    one, other = ([{k: v for k, v in row.items() if not k.startswith("seconds_")}
                   for row in table] for table in tables)
    assert one == other == list(whole.log)


@needs_fork
@pytest.mark.parametrize("name", ["RL2", "MAML", "ProMP"])
def test_rows_that_came_after_the_checkpoint_are_written_again(name, tmp_path, rarely):
    killed(lambda: train(name, tmp_path / "run", callback=after(4)))
    assert len(log.read(tmp_path / "run" / "log.csv")) == 4
    assert_same(train(name), train(name, tmp_path / "run", resume=True))


@needs_fork
@pytest.mark.parametrize("verb", ["collect", "adapt", "update"])
def test_a_kill_inside_an_iteration_loses_that_iteration_alone(verb, tmp_path, always):
    def act():
        learner, calls, function = RUNS["MAML"][0], [], getattr(MAML, verb)

        def fatal(*args):
            calls.append(args)
            return die() if len(calls) == 4 else function(*args)

        setattr(MAML, verb, fatal)
        train("MAML", tmp_path / "run")

    killed(act)
    assert len(log.read(tmp_path / "run" / "log.csv")) == (1 if verb == "collect" else 3)
    assert_same(train("MAML"), train("MAML", tmp_path / "run", resume=True))


@needs_fork
def test_a_kill_before_the_first_checkpoint_begins_anew(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "save", die)
        killed(lambda: train("MAML", tmp_path / "run"))
    assert_same(train("MAML"), train("MAML", tmp_path / "run", resume=True))


@pytest.mark.parametrize("name", ["RL2", "MAML, trust region", "ProMP", "regression, MAML"])
def test_a_result_goes_on_without_a_folder(name):
    unscheduled = {"RL2": RL2(RUNS["RL2"][0].policy, rate=0.01, entropy_weight=0.01)}
    learner, family = unscheduled.get(name, RUNS[name][0]), RUNS[name][1]
    half = meta_train(learner, family, iterations=N // 2, **SIZES)
    assert_same(meta_train(learner, family, iterations=N, **SIZES),
                meta_train(learner, family, iterations=N, resume=half, **SIZES))


def test_more_iterations_are_no_other_training(tmp_path):
    half = train("Reptile", tmp_path, iterations=N // 2)
    more = train("Reptile", tmp_path, iterations=N, resume=True)
    assert_same(train("Reptile"), more)
    assert more.log[:N // 2] == half.log
    assert Folder(tmp_path).config()["iterations"] == N


def test_a_schedule_goes_by_the_new_number_of_iterations(tmp_path):
    rates = []

    class Watched(MAML):
        def update(self, theta, state, history, data, progress):
            rates.append(self.rate.value(progress))
            return super().update(theta, state, history, data, progress)

    learner = Watched(MOVE, trials=3, rate=LinearSchedule(1.0, 0.0))
    for iterations, resume in ((2, False), (8, True)):
        meta_train(learner, PLANE, iterations=iterations, run_dir=tmp_path, resume=resume, **SIZES)
    assert rates == [1.0, 0.5] + [1 - i / 8 for i in range(2, 8)]


def test_a_finished_training_returns_at_once(tmp_path):
    whole = train("MAML", tmp_path)
    assert_same(whole, train("MAML", tmp_path, resume=True, callback=lambda *_: 1 / 0))


def test_ctrl_c_leaves_a_checkpoint(tmp_path, rarely):
    def stop(iteration, row, theta):
        if iteration == 2:
            raise KeyboardInterrupt

    stopped = train("MAML", tmp_path, callback=stop)
    assert stopped.interrupted and len(stopped.log) == 3
    resumed = []
    train("MAML", tmp_path, resume=True, callback=lambda i, row, theta: resumed.append(i))
    assert resumed == [3, 4, 5]


def test_an_error_leaves_a_checkpoint_and_the_result(tmp_path, rarely):
    def fail(iteration, row, theta):
        if iteration == 3:
            raise ZeroDivisionError("in a callback")

    with pytest.raises(ZeroDivisionError) as caught:
        train("E-MAML", tmp_path, callback=fail)
    assert len(caught.value.result.log) == 4
    assert_same(train("E-MAML"), train("E-MAML", tmp_path, resume=True))


def test_a_last_checkpoint_that_cannot_be_written_brings_the_whole_result(
        tmp_path, rarely, monkeypatch):
    def full(self, *_):
        raise CheckpointError("the disk is full")

    def fill(iteration, row, theta):
        if iteration == N - 1:
            monkeypatch.setattr(Folder, "save", full)

    with pytest.raises(CheckpointError, match="the disk is full") as caught:
        train("MAML", tmp_path, callback=fill)
    assert_same(caught.value.result, train("MAML"))


def test_the_log_has_the_number_of_steps_and_the_entropy_of_the_last_batch():
    rows = train("E-MAML").log
    assert [row["steps"] for row in rows] == [4 * 4 * 3 * 3 * (i + 1) for i in range(N)]
    assert abs(rows[0]["entropy"] - np.log(3)) < 0.05
    assert {"before", "return", "gradient", "loss"} <= set(rows[0])


def test_the_file_of_the_log_also_has_the_seconds_of_each_phase(tmp_path):
    train("MAML", tmp_path)
    for row in log.read(tmp_path / "log.csv"):
        seconds = [row[f"seconds_{phase}"] for phase in ("collect", "adapt", "update")]
        assert min(seconds) > 0 and sum(seconds) < 5


# ---- what is refused

@pytest.mark.parametrize("options, message", [
    (dict(resume=True), "resume=True needs the run_dir of a training"),
    (dict(resume=1), "resume must be True or False"),
    (dict(run_dir=3), "run_dir must be a path, got 3"),
    (dict(run_dir="here", resume="the result"), None)])
def test_a_resume_that_cannot_be_is_refused(options, message, tmp_path):
    if message is None:
        message = "resume must be True where there is a run_dir"
        options = dict(run_dir=tmp_path, resume=train("MAML"))
    with pytest.raises((ValueError, TypeError), match=message):
        train("MAML", **options)


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(CheckpointError, match="holds no run: config.json is not there"):
        train("MAML", tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_a_run_is_never_written_over(tmp_path):
    train("MAML", tmp_path)
    with pytest.raises(CheckpointError, match="holds a run already; use resume=True"):
        train("MAML", tmp_path)


def test_another_configuration_is_refused_with_all_differences(tmp_path):
    train("MAML", tmp_path)
    other = MAML(MLPPolicy(2, Gaussian(2), (5, 3)), trials=3, rate=0.5, alpha=0.2)
    with pytest.raises(CheckpointError) as caught:
        meta_train(other, PointNavigation(horizon=4), iterations=N, tasks=5, seed=3,
                   run_dir=tmp_path, resume=True)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == [
        "learner.policy.hidden", "learner.alpha", "learner.rate", "family.horizon", "tasks"]
    assert lines[1].strip() == "learner.alpha: 0.1 in the folder, 0.2 now"


@pytest.mark.parametrize("name", ["ProMP", "RL2"])
def test_another_learner_is_refused_by_its_name(name, tmp_path):
    train("MAML", tmp_path)
    with pytest.raises(CheckpointError, match=r"learner.class: 'minimeta.meta.maml.MAML' in the "
                                              r"folder, 'minimeta.meta.\w+.\w+' now"):
        train(name, tmp_path, resume=True)


def test_a_theta_to_begin_with_is_one_of_the_options(tmp_path):
    name, other = "regression, Reptile", np.random.default_rng(5)
    theta = RUNS[name][0].init(other)
    train(name, tmp_path, theta=theta, iterations=3)
    assert_same(train(name, theta=theta), train(name, tmp_path, theta=theta, resume=True))
    with pytest.raises(CheckpointError, match="theta: '.{16}' in the folder, '.{16}' now"):
        train(name, tmp_path, theta=RUNS[name][0].init(other), resume=True)


def test_a_mistake_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="theta must have shape"):
        train("MAML", tmp_path / "run", theta=np.zeros(3))
    assert not (tmp_path / "run").exists()


def test_fewer_iterations_than_are_done_are_refused(tmp_path):
    train("MAML", tmp_path)
    config = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ValueError, match="iterations must be at least the 6 that are done, got 5"):
        train("MAML", tmp_path, iterations=5, resume=True)
    assert (tmp_path / "config.json").read_bytes() == config


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    for name in ("MAML", "Reinforce"):
        train(name, tmp_path / name)
    theirs, ours = (tmp_path / name / "checkpoint.npz" for name in ("Reinforce", "MAML"))
    ours.write_bytes(theirs.read_bytes())
    with pytest.raises(CheckpointError, match="checkpoint.npz is of another run than config.json"):
        train("MAML", tmp_path / "MAML", resume=True)


def test_a_log_that_lost_rows_is_refused(tmp_path):
    train("MAML", tmp_path)
    log.write(tmp_path / "log.csv", log.read(tmp_path / "log.csv")[:2])
    with pytest.raises(CheckpointError, match="has 2 rows, and the checkpoint comes after 6"):
        train("MAML", tmp_path, resume=True)


def test_a_damaged_checkpoint_costs_one_save_and_nothing_else(tmp_path, always):
    whole = train("ProMP")
    train("ProMP", tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="checkpoint.npz is damaged"):
        assert_same(whole, train("ProMP", tmp_path, resume=True))
