"""Trained agents: loaded, adapted, and put into a loop of one's own."""
import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

import minimeta
from minimeta import (MAML, RL2, BeliefPolicy, Categorical, CheckpointError, Gaussian, Imitation,
                      MLPPolicy, RecurrentPolicy, RegressionMAML, Reinforce, VariBAD, adapt, load,
                      meta_train)
from minimeta.calculus import MLP
from minimeta.rl import rollout
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation, Sinusoid
from minimeta.testing.behaviour import same
from minimeta.testing.nests import leaves
from minimeta.trace import Result, log
from minimeta.trace.agent import adapts_between_trials

GRID = GridNavigation(3, horizon=4, episodes=2)
PLANE = PointNavigation(horizon=5)
CORNER = np.eye(9)[0]
PLANS = {"RL2": (RL2(RecurrentPolicy(9, Categorical(5), 4), episodes=2, trials=2), GRID),
         "MAML": (MAML(MLPPolicy(2, Gaussian(2), (5,)), trials=6, rounds=2), PLANE)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp("runs") / name for name in PLANS}
    for name, (learner, family) in PLANS.items():
        meta_train(learner, family, iterations=3, tasks=4, run_dir=made[name])
    return made


@pytest.mark.parametrize("name", PLANS)
def test_a_loaded_run_is_what_training_returned(name, folders):
    learner, family = PLANS[name]
    run, direct = load(folders[name]), meta_train(learner, family, iterations=3, tasks=4)
    assert run.learner == learner and run.family == family and run.log == direct.log
    assert np.array_equal(run.theta, direct.theta) and run.theta.dtype == direct.theta.dtype
    assert same(leaves(run.state), leaves(direct.state)) and leaves(run.state)


def test_a_run_can_be_loaded_while_it_is_running(tmp_path):
    learner, family = PLANS["MAML"]
    seen = []

    def look(iteration, row, theta):
        if iteration == 0:
            seen.append(load(tmp_path))

    meta_train(learner, family, iterations=3, tasks=4, run_dir=tmp_path, callback=look)
    assert len(seen[0].log) == 1 and len(log.read(tmp_path / "log.csv")) == 3


def test_a_learner_that_does_not_say_so_adapts_between_trials_if_it_has_rounds():
    for rounds in (0, 1, 2):
        assert adapts_between_trials(SimpleNamespace(rounds=rounds)) == (rounds > 0)
    assert adapts_between_trials(SimpleNamespace(rounds=0, adapts_between_trials=True))


@dataclass(frozen=True)
class Ours(BernoulliBandit):
    """A family that the package does not define."""


def test_what_is_of_your_own_you_pass_in_again(tmp_path):
    family = Ours(3, 4)
    learner = RL2(RecurrentPolicy(1, Categorical(3), 4))
    whole = meta_train(learner, family, iterations=1, tasks=4, run_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"the family in .* is made of .*Ours, which "
                                              r"minimeta does not define; use load\(run_dir, fam"):
        load(tmp_path)
    run = load(tmp_path, family=family)
    assert np.array_equal(run.theta, whole.theta) and run.family == family
    with pytest.raises(CheckpointError, match="family.pulls: 4 in the folder, 5 now"):
        load(tmp_path, family=Ours(3, 5))


@pytest.mark.parametrize("edit, message", [
    (lambda config: config["learner"].update(alpha=-1), "alpha must be positive"),
    (lambda config: config["learner"].pop("policy"), "missing 1 required .* 'policy'")])
def test_a_configuration_that_was_edited_is_refused(edit, message, folders, tmp_path):
    config = json.loads((folders["MAML"] / "config.json").read_text())
    for path in folders["MAML"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    edit(config)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="is of another run than config.json"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        minimeta.trace.result.made(config, tmp_path, "learner", None)


# ---- adaptation

def test_adapting_is_what_the_learner_does_in_training(folders):
    run, tasks = load(folders["MAML"]), PLANE.sample(3, np.random.default_rng(5))
    rng, phi, history = np.random.default_rng(7), run.theta, []
    for _ in range(2):
        history.append(run.learner.collect(phi, tasks, rng))
        phi = run.learner.adapt(run.theta, history)
    assert np.array_equal(adapt(run, tasks, seed=7), phi) and phi.shape == (3, len(run.theta))
    assert not np.array_equal(adapt(run, tasks, seed=7, rounds=1), phi)


def test_a_learner_that_does_not_adapt_in_training_adapts_afterwards():
    run = meta_train(Reinforce(MLPPolicy(2, Gaussian(2), (5,)), trials=3), PLANE,
                     iterations=1, tasks=2)
    phi = adapt(run, PLANE.sample(2, np.random.default_rng(0)))
    assert phi.shape == (2, len(run.theta)) and not np.array_equal(phi[0], run.theta)


# ---- agents

def lived(run, agent, tasks, episodes, rng):
    """Actions of an agent that is put into a loop of one's own."""
    horizon, actions = tasks.family.horizon, []
    reward, done = 0.0, False
    for _ in range(episodes):
        state, obs = tasks.reset(1, rng)
        for t in range(horizon):
            action = agent.act(obs[0, 0], reward, done)
            actions.append(action)
            state, obs, reward, done = tasks.step(state, np.array(action)[None, None], rng)
            reward, done = reward[0, 0], done[0, 0] or t + 1 == horizon
    return np.array(actions)


def test_an_agent_lives_as_a_rollout_does(folders):
    """World and agent share a stream of random numbers, as in the rollout."""
    run, tasks = load(folders["RL2"]), GRID.sample(1, np.random.default_rng(2))
    run = replace(run, theta=20 * run.theta)   # it hangs on all that it sees
    agent = run.agent()
    agent.rng = np.random.default_rng(3)
    actions = lived(run, agent, tasks, 3, agent.rng)
    data = rollout(run.learner.policy, run.theta, tasks, trials=1, episodes=3,
                   rng=np.random.default_rng(3))
    assert np.array_equal(actions, data.action[0, :, 0])


def test_a_gradient_learner_s_agent_acts_with_phi(folders):
    run, tasks = load(folders["MAML"]), PLANE.sample(1, np.random.default_rng(2))
    agent = run.agent(tasks, seed=4)
    phi = adapt(run, tasks, seed=4)
    assert np.array_equal(agent.theta, phi[0])
    agent.rng = np.random.default_rng(3)
    actions = lived(run, agent, tasks, 1, agent.rng)
    data = rollout(run.learner.policy, phi, tasks, trials=1, episodes=1,
                   rng=np.random.default_rng(3))
    assert np.array_equal(actions, data.action[0, :, 0])


def test_an_agent_takes_from_phi_what_is_the_policy_s():
    learner = Imitation(MLPPolicy(9, Categorical(5), (4,)), inner="learned")
    theta, n = learner.init(np.random.default_rng(0)), learner.policy.size
    run = Result(theta, (), learner, GRID)
    tasks = GRID.sample(1, np.random.default_rng(2))
    agent, phi = run.agent(tasks, seed=4), adapt(run, tasks, seed=4)
    assert len(phi[0]) > n and np.array_equal(agent.theta, phi[0, :n])


def test_a_recurrent_agent_remembers_the_trial_it_has_lived_through(folders):
    run, tasks = load(folders["RL2"]), GRID.sample(1, np.random.default_rng(2))
    agent = run.agent(tasks, seed=4)
    data = rollout(run.learner.policy, run.theta, tasks, trials=1, episodes=2,
                   rng=np.random.default_rng(4))
    memory = run.learner.policy.begin(run.theta, 1)
    for x in data.x[0]:
        _, memory = run.learner.policy.act(run.theta, memory, x, np.random.default_rng(0))
    for mine, theirs in zip(agent.memory, memory):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    action, reward, end = agent.last
    assert action == data.action[0, -1, 0] and reward == data.reward[0, -1, 0] and end
    agent.act(CORNER)
    assert not np.allclose(agent.memory[0], memory[0])
    agent.reset()
    np.testing.assert_allclose(agent.memory[0], memory[0], rtol=1e-5)


def test_a_recurrent_agent_too_takes_what_is_the_policy_s():
    policy = BeliefPolicy(9, Categorical(5), 4, n_latent=3, hidden=(5,))
    learner = VariBAD(policy, episodes=2, told=5, decoder=(6,))
    run = Result(learner.init(np.random.default_rng(0)), (), learner, GRID)
    tasks = GRID.sample(1, np.random.default_rng(2))
    assert len(run.theta) > policy.size
    for agent in (run.agent(), run.agent(tasks)):
        assert np.array_equal(agent.theta, run.theta[:policy.size])
        assert agent.act(CORNER) in range(5)


def test_an_agent_remembers_the_last_step_of_a_trial_that_ended_early():
    family = PointNavigation(horizon=8, reach=0.1, radius=0.25)
    learner = RL2(RecurrentPolicy(2, Gaussian(2), 4), trials=2)
    run = Result(learner.init(np.random.default_rng(0)), (), learner, family)
    tasks = family.sample(1, np.random.default_rng(1))
    data = rollout(learner.policy, run.theta, tasks, trials=1, episodes=1,
                   rng=np.random.default_rng(4))
    n = int(data.mask.sum())
    action, reward, end = run.agent(tasks, seed=4).last
    assert n < 8 and end.all() and np.array_equal(action, data.action[:, n - 1])
    assert np.array_equal(reward, data.reward[:, n - 1]) and reward != 0


def test_what_an_agent_earned_changes_what_it_does_next(folders):
    run = load(folders["RL2"])
    codes = []
    for reward in (0.0, 1.0):
        agent = run.agent()
        agent.act(CORNER)
        agent.act(CORNER, reward)
        codes.append(agent.memory[0])
    assert not np.array_equal(*codes)


def test_an_agent_gives_actions_of_plain_types(folders):
    assert type(load(folders["RL2"]).agent().act(CORNER)) is int
    action = load(folders["MAML"]).agent().act([0.0, 0.0])
    assert action.shape == (2,) and action.dtype.kind == "f"


@pytest.mark.parametrize("call, error, message", [
    (lambda run: run.agent(PLANE), TypeError, "tasks must be one such as family.sample"),
    (lambda run: run.agent(PLANE.sample(2, np.random.default_rng(0))), ValueError,
     "tasks must be one task for an agent, got 2"),
    (lambda run: run.agent().act([0.0]), ValueError, "observations must have length 2"),
    (lambda run: run.agent().act([[0.0, 1.0]]), ValueError, r"obs must have shape \[n\]"),
    (lambda run: run.agent().act([0.0, np.nan]), ValueError, "obs must be finite"),
    (lambda run: [agent.act([0.0, 0.0], "1") for agent in 2 * [run.agent()]], TypeError,
     "reward must be a number, got '1'"),
    (lambda run: adapt(run, PLANE.sample(2, np.random.default_rng(0)), rounds=0), ValueError,
     "rounds must be at least 1, got 0"),
    (lambda run: adapt(run, PLANE), TypeError, "tasks must be one such as")])
def test_what_an_agent_cannot_use_is_refused(call, error, message, folders):
    with pytest.raises(error, match=message):
        call(load(folders["MAML"]))


def test_a_recurrent_learner_has_one_round(folders):
    with pytest.raises(ValueError, match="rounds must be 1 for RL2, which adapts within a trial"):
        adapt(load(folders["RL2"]), GRID.sample(2, np.random.default_rng(0)), rounds=2)


def test_a_learner_of_curves_has_no_agent():
    run = meta_train(RegressionMAML(MLP((1, 4, 1))), Sinusoid(), iterations=1, tasks=2)
    with pytest.raises(TypeError, match="an agent needs a learner whose policy acts"):
        run.agent()


def test_a_folder_without_a_checkpoint_cannot_be_loaded(tmp_path):
    learner, family = PLANS["MAML"]
    minimeta.trace.Folder(tmp_path).begin(dict(learner=learner, family=family), 0)
    with pytest.raises(CheckpointError, match="has no checkpoint yet; use resume=True"):
        load(tmp_path)
