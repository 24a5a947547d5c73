"""Imitation: exact meta-gradients, learned losses included, and what is refused."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta import (Categorical, Gaussian, Imitation, MLPPolicy, Reinforce, evaluate,
                      meta_train)
from minimeta.meta.learned_loss import Judged, Unjudged
from minimeta.meta.adaptation import share
from minimeta.objective.losses import MeanError
from minimeta.rl import Demonstration
from minimeta.tasks import GridNavigation, PlanarArm
from minimeta.testing import central_difference, check_map, complex_step
from minimeta.testing.laws import second

K = 3
GRID, ARM = GridNavigation(3, horizon=6), PlanarArm(horizon=7, substeps=1)
WALKER = MLPPolicy(GRID.obs_size, Categorical(5), (4,))
REACHER = MLPPolicy(ARM.obs_size, Gaussian(2), (4,))
ON_GRID = Imitation(WALKER, alpha=0.3, dtype=np.float64, tries=2)
ON_ARM = Imitation(REACHER, alpha=0.2, dtype=np.float64, expert="controller", tries=2,
                   loss="squared-error", noise=0.2, shows=2)


def setting(learner, family, seed=0):
    """theta, a lesson to adapt to, and one to compare with."""
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    theta = theta + 0.1 * rng.normal(size=theta.shape)
    tasks = family.sample(K, rng)
    first = learner.collect(theta, tasks, rng)
    return theta, first, learner.collect(learner.adapt(theta, [first]), tasks, rng)


def errors(learner, family, claims=None):
    """Complex step and central difference of the meta-gradient (`claims` makes it)."""
    theta, first, then = setting(learner, family)
    problem, = learner.problems(theta, [first], then)
    claims = claims or learner
    return [law(lambda v: learner.meta_loss(v, *problem).value,
                lambda v: claims.meta_loss(v, *problem).grad(),
                share(theta, K), name=learner.layout.name)
            for law in (complex_step, central_difference)]


# ---- the meta-gradient

@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("outer", ["cloning", "return"])
@pytest.mark.parametrize("inner", ["cloning", "learned"])
def test_the_meta_gradient_is_exact_in_theta_in_the_learned_loss_and_in_alpha(
        inner, outer, steps):
    options = {"inner": inner, "outer": outer, "steps": steps}
    if outer == "return":
        options |= {"noise": 0.0, "shows": 1}
    judge = (3,) if inner == "learned" else ()
    for learner, family in (
            (replace(ON_GRID, learn_alpha=True, judge=judge, **options), GRID),
            (replace(ON_ARM, **options), ARM),
            (replace(ON_ARM, loss="log-likelihood", alpha=0.05, **options), ARM)):
        step, difference = errors(learner, family)
        assert step < 1e-12, step
        assert difference < 1e-7, difference


def test_it_is_exact_in_a_rate_of_each_step_and_parameter():
    for inner in ("cloning", "learned"):
        alpha = np.random.default_rng(0).uniform(0.1, 0.5, (2, WALKER.size))
        learner = replace(ON_GRID, inner=inner, alpha=alpha, learn_alpha=True, steps=3)
        step, difference = errors(learner, GRID)
        assert step < 1e-12 and difference < 1e-7


def test_a_first_order_meta_gradient_fails_the_law():
    step, difference = errors(ON_GRID, GRID, replace(ON_GRID, first_order=True))
    assert step > 1e-3 and difference > 1e-3


def test_first_order_is_refused_where_only_second_derivatives_teach_the_learned_loss():
    with pytest.raises(ValueError, match="first_order must be False where the inner loss"):
        replace(ON_GRID, inner="learned", first_order=True)


def test_a_linear_policy_gives_the_closed_form():
    # The squared error of u = x W + b is quadratic in (W, b).
    learner = replace(ON_ARM, policy=MLPPolicy(ARM.obs_size, Gaussian(2), ()))
    theta, first, then = setting(learner, ARM)

    def system(shown):
        x = np.concatenate([shown.x, np.ones_like(shown.x[..., :1])], -1)
        x, a = x.reshape(K, -1, 7), shown.action.reshape(K, -1, 2)
        n = x.shape[1]
        return 2 / n * np.swapaxes(x, 1, 2) @ x, 2 / n * np.swapaxes(x, 1, 2) @ a

    W = theta[:14].reshape(7, 2)
    (H, g), (H2, g2) = system(first.shown), system(then.other)
    phi = W - 0.2 * (H @ W - g)
    adapted = learner.adapt(theta, [first])[:, :14]
    assert np.abs(adapted - phi.reshape(K, 14)).max() < 1e-13
    v = H2 @ phi - g2
    _, grad = learner.meta_gradient(theta, [first], then)
    assert np.abs(grad[:14] - (v - 0.2 * H @ v).mean(0).ravel()).max() < 1e-12


# ---- its parts

@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("policy", [MLPPolicy(3, Gaussian(2), (5, 4)),
                                    MLPPolicy(3, Categorical(4), (5,))])
def test_a_judged_policy_is_a_map_that_obeys_every_law(policy, hidden):
    judged = Judged.of(policy, hidden, 7)
    check_map(judged, (4, 2, 6))
    check_map(Unjudged(judged), (4, 2, 3))


def test_a_judge_that_forgets_the_policy_is_caught():
    class Forgetful(Judged):
        def vjp_dot(self, zeta, cache, c_bar, zeta_dot, cache_dot, c_bar_dot):
            theta_dot, psi_dot = self.split(zeta_dot)
            only_psi = np.concatenate([np.zeros_like(theta_dot), psi_dot], -1)
            return super().vjp_dot(zeta, cache, c_bar, only_psi, cache_dot, c_bar_dot)

    with pytest.raises(AssertionError, match="second"):
        check_map(Forgetful.of(MLPPolicy(3, Categorical(4), (5,)), (6,), 7), (4, 2, 6))


def test_the_mean_error_obeys_its_laws():
    rng = np.random.default_rng(0)
    y, y_dot = rng.normal(size=(2, K, 4, 5, 4))
    scalar = MeanError(REACHER, rng.normal(size=(K, 4, 5, 2)), rng.random((K, 4, 5)))

    def whole(y):
        return y.reshape(K, 4, 5, 4)

    flat = y.reshape(K, -1)
    assert complex_step(lambda y: scalar.value(whole(y)),
                        lambda y: scalar.grad(whole(y)).reshape(K, -1), flat) < 1e-12
    assert second(lambda y: scalar.grad(whole(y)).reshape(K, -1),
                  lambda y, v: scalar.hvp(whole(y), whole(v)).reshape(K, -1),
                  flat, y_dot.reshape(K, -1)) < 1e-12


def test_doubling_alpha_doubles_the_step():
    theta, first, _ = setting(ON_GRID, GRID)
    near, far = (replace(ON_GRID, alpha=a).adapt(theta, [first]) for a in (0.1, 0.2))
    assert np.abs((far - theta) - 2 * (near - theta)).max() < 1e-14
    assert np.abs(near - theta).max() > 1e-3


def test_adaptation_makes_the_demonstrated_actions_more_likely():
    for learner, family in ((ON_GRID, GRID), (ON_ARM, ARM)):
        theta, first, _ = setting(learner, family)
        loss = learner.inner_objective(first)
        phi = learner.adapt(theta, [first])
        assert (loss.at(phi).value < loss.at(share(theta, K)).value).all()


def test_a_task_adapts_as_it_would_alone():
    theta, first, _ = setting(ON_ARM, ARM)
    alone = ON_ARM.adapt(theta, [first[1:2]])
    assert np.abs(ON_ARM.adapt(theta, [first])[1] - alone[0]).max() < 1e-14


def test_what_comes_after_the_mask_has_no_influence():
    theta, first, _ = setting(ON_GRID, GRID)
    shown = first.shown
    mask = shown.mask.copy()
    mask[:, 4:] = False
    other = shown.action.copy()
    other[:, 4:] = (other[:, 4:] + 1) % 5
    one, two = (ON_GRID.adapt(theta, [replace(shown, mask=mask, action=action)])
                for action in (shown.action, other))
    assert np.array_equal(one, two)


def test_a_learned_loss_is_the_mean_square_of_what_the_judge_says_of_a_step():
    learner = replace(ON_GRID, inner="learned", judge=(3,))
    theta, first, _ = setting(learner, GRID)
    shown = replace(first.shown, mask=first.shown.mask & (np.arange(6) < 4)[:, None])
    x = np.concatenate([shown.x, shown.after], -1)
    c = learner.judged.forward(share(theta, K), x)[0].reshape(K, 6, -1, 8)
    assert not np.array_equal(shown.x, shown.after)
    value = learner.inner_objective(shown).at(share(theta, K)).value
    assert np.abs(value - (c[:, :4] ** 2).sum(-1).mean((1, 2))).max() < 1e-12


def test_a_learned_loss_needs_no_actions_and_stays_as_it_is():
    learner = replace(ON_GRID, inner="learned")
    theta, first, _ = setting(learner, GRID)
    shown = first.shown
    phi = learner.adapt(theta, [first])
    silent = learner.adapt(theta, [Demonstration(shown.x, shown.after, shown.mask)])
    assert np.array_equal(phi, silent)
    assert (phi[:, WALKER.size:] == theta[WALKER.size:]).all()
    assert np.abs(phi[:, :WALKER.size] - theta[:WALKER.size]).max() > 1e-3


def test_the_demonstration_to_adapt_to_is_clean_and_the_other_is_as_ordered():
    learner = replace(ON_ARM, noise=0.5, shows=4)
    _, first, then = setting(learner, ARM)
    assert first.shown.x.shape[2] == then.shown.x.shape[2] == 1
    assert first.other.x.shape[2] == then.other.x.shape[2] == 4
    assert first.tried.reward.shape == then.tried.reward.shape == (K, ARM.horizon, 2)
    assert np.ptp(then.other.x, 2).max() > 0.1


def test_greedy_tries_are_all_the_same_on_an_arm():
    _, first, then = setting(replace(ON_ARM, greedy=True), ARM)
    for lesson in (first, then):
        assert np.ptp(lesson.tried.reward, 2).max() < 1e-12
    _, sampled, _ = setting(ON_ARM, ARM)
    assert np.ptp(sampled.tried.reward, 2).max() > 1e-3


def test_greedy_tries_tell_the_log_probability_and_the_value_of_what_is_done():
    theta, lesson, _ = setting(replace(ON_GRID, greedy=True), GRID)
    tried = lesson.tried
    u, value = WALKER.split(WALKER.forward(share(theta, K), tried.x)[0])
    assert np.array_equal(tried.action, u.argmax(-1))
    assert np.abs(tried.log_prob - WALKER.head.log_prob(u, tried.action)).max() < 1e-12
    assert np.array_equal(tried.value, value) and not np.array_equal(tried.value, tried.log_prob)


def test_where_tries_judge_nothing_else_is_shown():
    learner = replace(ON_GRID, outer="return")
    theta, lesson, _ = setting(learner, GRID)
    assert lesson.other is None and lesson[1:].other is None


def test_the_return_stands_for_the_ratio_of_a_policy_gradient():
    learner = replace(ON_GRID, outer="return")
    theta, lesson, _ = setting(learner, GRID)
    away = share(theta + 0.3, K)
    one = learner.outer_objective(lesson).at(away)
    two = Reinforce(WALKER, outer="ratio").outer_objective(lesson.tried).at(away)
    assert np.array_equal(one.value, two.value) and np.array_equal(one.grad, two.grad)


def test_a_learned_loss_begins_with_a_policy_and_a_judge_in_the_precision_of_theta():
    learner = replace(ON_GRID, inner="learned", judge=(3,), dtype=np.float32)
    theta, rng = learner.init(np.random.default_rng(4)), np.random.default_rng(4)
    assert theta.dtype == np.float32
    assert np.array_equal(theta[:WALKER.size], WALKER.init(rng, np.float32))
    assert np.array_equal(theta[WALKER.size:], learner.judged.judge.init(rng, np.float32))


def test_an_update_keeps_the_precision_of_theta_and_leaves_it_alone():
    for inner in ("cloning", "learned"):
        learner = replace(ON_GRID, inner=inner, dtype=np.float32, learn_alpha=True)
        theta, first, then = setting(replace(learner, dtype=np.float64), GRID)
        theta = theta.astype(np.float32)
        kept, theta.flags.writeable = theta.copy(), False
        rng = np.random.default_rng(0)
        first = learner.collect(theta, GRID.sample(K, rng), rng)
        phi = learner.adapt(theta, [first])
        then = learner.collect(phi, GRID.sample(K, rng), rng)
        after, _, _ = learner.update(theta, None, [first], then, 0.0)
        assert phi.dtype == after.dtype == np.float32
        assert np.array_equal(theta, kept) and not np.array_equal(theta, after)


def test_another_learner_may_bring_the_outer_objective():
    outer = Reinforce(WALKER, gamma=0.5, outer="log-likelihood")
    assert errors(replace(ON_GRID, outer=outer), GRID)[0] < 1e-12


def test_an_expert_may_be_a_function_of_the_tasks():
    def lazy(tasks):
        return lambda state, t, rng: np.zeros(state.shape, int)

    _, lesson, _ = setting(replace(ON_GRID, expert=lazy, noise=0.0), GRID)
    assert not lesson.shown.action.any() and not lesson.other.action.any()


def test_no_noise_moves_the_expert_where_it_is_adapted_to():
    def right(tasks):
        return lambda state, t, rng: np.full(state.shape, 1)

    learner = replace(ON_GRID, expert=right, noise=0.9)
    theta, tasks = learner.init(np.random.default_rng(0)), GRID.sample(K, np.random.default_rng(1))
    one, two = (learner.collect(theta, tasks, np.random.default_rng(seed)) for seed in (2, 3))
    assert np.array_equal(one.shown.x, two.shown.x)
    assert not np.array_equal(one.other.x, two.other.x)


def test_a_report_tells_the_mean_return_of_the_tries_before_and_after():
    _, first, then = setting(ON_GRID, GRID)
    row = ON_GRID.report([first], then)
    assert list(row) == ["before", "return"] and {type(mean) for mean in row.values()} == {float}
    for name, lesson in (("before", first), ("return", then)):
        paid = lesson.tried.reward
        returns = [paid[k, :, b].sum() for k in range(K) for b in range(paid.shape[2])]
        assert paid.shape[1] != paid.shape[2]
        assert abs(row[name] - np.mean(returns)) < 1e-12


# ---- learning

@pytest.mark.parametrize("inner, outer", [
    ("cloning", "cloning"), ("cloning", "return"), ("learned", "cloning")])
def test_a_short_training_makes_a_demonstration_worth_something(inner, outer):
    shown = {"noise": 0.3, "shows": 4} if outer == "cloning" else {}
    learner = Imitation(WALKER, alpha=0.5 if inner == "cloning" else 0.1, inner=inner,
                        outer=outer, steps=3, tries=4, rate=1e-2, **shown)
    result = meta_train(learner, GRID, iterations=150, tasks=10)
    curve = evaluate(learner, result.theta, GRID, tasks=100, seed=1)
    before, after = curve.interval
    assert before[1] < after[0] and curve.mean[1] > 0


# ---- what it refuses

@pytest.mark.parametrize("options, message", [
    ({"inner": "clone"}, "inner must be one of 'cloning', 'learned', got 'clone'"),
    ({"outer": "reward"}, "outer must be one of 'cloning', 'return', got 'reward'"),
    ({"outer": Reinforce}, "outer must be one of 'cloning', 'return', got <class"),
    ({"loss": "mse"}, "loss must be one of 'log-likelihood', 'squared-error', got"),
    ({"loss": "squared-error"}, "'squared-error' needs a Gaussian head, got Categ"),
    ({"expert": "teacher"}, "expert must be one of 'planner', 'controller', got"),
    ({"steps": 0}, "steps must be at least 1, got 0"),
    ({"alpha": 0.0}, "alpha must be positive"),
    ({"noise": -0.1}, "noise must be"),
    ({"outer": "return", "greedy": True}, "greedy must be False"),
    ({"outer": "return", "shows": 2}, "shows must be 1 and noise 0"),
    ({"judge": (3,)}, r"judge must be \(\) where the inner loss is not learned"),
    ({"optimizer": "trust-region"}, "optimizer must be 'adam' or 'sgd' for Imitation"),
])
def test_bad_options_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        replace(ON_GRID, **options)


def test_greedy_must_be_true_or_false():
    with pytest.raises(TypeError, match="greedy must be True or False"):
        replace(ON_GRID, greedy="no")


def test_a_demonstration_of_another_shape_is_refused():
    theta, first, _ = setting(ON_GRID, GRID)
    shown = first.shown
    other = replace(shown, x=shown.x[..., :-1], after=shown.after[..., :-1])
    with pytest.raises(ValueError, match="observations of length 9, .* got 8"):
        ON_GRID.adapt(theta, [other])
    learned = replace(ON_GRID, inner="learned")
    with pytest.raises(ValueError, match="observations of length 9, .* got 8"):
        learned.adapt(learned.init(np.random.default_rng(0)), [other])
    pairs = replace(shown, action=np.zeros(shown.action.shape + (2,)))
    with pytest.raises(ValueError, match=r"actions \[K, T, B\] for Categorical\(n=5\)"):
        ON_GRID.adapt(theta, [pairs])


def test_a_demonstration_without_actions_is_refused_where_they_are_cloned():
    theta, first, _ = setting(ON_GRID, GRID)
    silent = replace(first.shown, action=None)
    with pytest.raises(ValueError, match="cannot be cloned; use inner='learned'"):
        ON_GRID.adapt(theta, [silent])


def test_a_demonstration_without_a_step_is_refused():
    theta, first, _ = setting(ON_GRID, GRID)
    empty = replace(first.shown, mask=np.zeros_like(first.shown.mask))
    with pytest.raises(ValueError, match="mask must have a step in every task"):
        ON_GRID.adapt(theta, [empty])
