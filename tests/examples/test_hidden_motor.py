"""The hidden motor: policies learn, and gradient steps are worth taking."""
import runpy
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "hidden_motor.py"))
main = example["main"]


def lead(more, less):
    """The mean of paired differences, in standard errors."""
    d = more - less
    return d.mean() / (d.std() / np.sqrt(len(d)))


def test_a_short_training_earns_more_than_chance_and_by_steps_more_on_the_same_carts():
    results = main(scale=0.04, fresh=50)
    assert [len(results[name]) for name in ("one policy, PPO", "RL^2", "expert")] == [50] * 3
    assert results["alone"].shape == (3,)
    for name in ("one policy, NG", "one policy, PPO", "RL^2"):
        assert lead(results[name][:, 0], results["random"]) > 4
    assert lead(results["MAML"][:, 3], results["MAML"][:, 0]) > 4
    assert lead(results["expert"], results["RL^2"][:, 1]) > 4


def test_a_policy_without_memory_acts_alike_whatever_came_before():
    policy = example["NoMemory"](3, example["HEAD"], (4, 5))
    learner, rng = example["RL2"](policy, episodes=2), np.random.default_rng(0)
    theta, x = learner.init(rng), rng.normal(size=(7, 2, 3)).astype(np.float32)
    y, _ = policy.forward(theta, x)
    assert y.shape == (7, 2, 3)     # mean, log_std, value
    assert np.allclose(policy.forward(theta, x[4:])[0], y[4:], rtol=1e-6)
    assert (policy.split(y)[1] != 0).all()


def test_means_are_taken_over_each_length_and_over_the_fresh_carts():
    n = example["SAME"]
    returns = np.concatenate([np.full(n, 1.0), np.full(n, 2.0), np.full(n, 4.0),
                              [5.0, 7.0]])
    assert example["columns"](returns).tolist() == [1, 2, 4, 6]


def test_some_carts_have_the_values_that_are_trained_on_alone_and_the_others_are_fresh():
    n, alone = example["SAME"], example["ALONE"]
    for vary, values in alone.items():
        drawn = getattr(example["carts"](vary, 50, 0), vary)
        assert np.array_equal(drawn[:3 * n], np.repeat(values, n))
        assert len(set(drawn[3 * n:])) == 50
        one = example["alone"](vary, 0.7).sample(2, np.random.default_rng(0))
        assert getattr(one, vary).tolist() == [0.7] * 2
