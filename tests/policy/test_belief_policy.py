"""The belief policy and the guess policy: laws, what is stopped, and how a guess is held."""
import numpy as np
import pytest
from planting import planted

from minimeta import GRU, LSTM, Categorical, Gaussian, RecurrentPolicy
from minimeta.policy import BeliefPolicy, GuessPolicy
from minimeta.policy.belief_policy import EncoderActor
from minimeta.policy.product import LOG_PRECISION, Product
from minimeta.policy.reparameterised import sample, sample_jvp, sample_vjp, sample_vjp_dot
from minimeta.policy.tabular import Table
from minimeta.testing import LawBroken, check_map, check_policy

STOPPED = {"central difference": "it sees through the stop"}
HEADS = [Categorical(3), Gaussian(2)]


def believer(head=HEADS[0], **options):
    return BeliefPolicy(2, head, 4, n_latent=3, hidden=(6,), **options)


def guesser(head=HEADS[0], **options):
    return GuessPolicy(2, head, n_latent=3, votes=(5,), hidden=(6,), **options)


def test_a_step_keeps_the_shapes_and_the_dtype_of_the_state():
    for net in (believer().net.encoder, guesser().net.encoder):
        x = np.ones((7, net.n_in), np.float32)
        theta = net.init(np.random.default_rng(0), np.float32)
        before = net.initial_state(theta, 7)
        _, after = net.step(theta, before, x)
        assert [(s.shape, s.dtype) for s in after] == [(s.shape, s.dtype) for s in before]


class Still:
    """Randomness that is the same for every row."""

    def standard_normal(self, shape, dtype):
        return np.full(shape, 0.7, dtype)

    def random(self, shape, dtype):
        return np.full(shape, 0.4, dtype)


@pytest.mark.parametrize("policy", [believer(), guesser(), guesser(Gaussian(2)),
                                    RecurrentPolicy(2, Gaussian(2), 4)])
def test_tasks_with_a_theta_of_their_own_act_as_each_would_alone(policy):
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=(3, policy.size)), rng.normal(size=(5, 3, 4, policy.n_in))
    memory, alone = policy.begin(theta, 4), [policy.begin(t, 4) for t in theta]
    for x_t in x:
        act, memory = policy.act(theta, memory, x_t, Still())
        for k in range(3):
            one, alone[k] = policy.act(theta[k], alone[k], x_t[k], Still())
            parts = zip([*one[:3], *alone[k]], [*act[:3], *memory], strict=True)
            assert all(np.allclose(part, both[k], rtol=1e-12, atol=0) for part, both in parts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("policy", [believer(), guesser()])
def test_the_memory_keeps_its_shapes_and_the_dtype_of_theta(policy, dtype):
    theta = policy.init(np.random.default_rng(0), dtype)
    memory = before = policy.begin(theta, 7)
    for _ in range(2):
        x = np.zeros((7, policy.n_in), dtype)
        _, memory = policy.act(theta, memory, x, np.random.default_rng(0))
        assert [np.shape(m) for m in memory] == [np.shape(m) for m in before]
        assert {m.dtype for m in memory} == {np.dtype(dtype)}
    *_, guess, due = guesser().begin(guesser().init(np.random.default_rng(0)), 7)
    assert guess.shape == (7, 3) and due.shape == (7, 1)


@pytest.mark.parametrize("head", HEADS)
def test_y_holds_what_the_head_needs_the_value_and_the_belief(head):
    for policy, n_belief in ((RecurrentPolicy(2, head, 4), 0), (believer(head), 6),
                             (guesser(head), 6)):
        y, _ = policy.forward(policy.init(np.random.default_rng(0)), np.zeros((4, 5, policy.n_in)))
        assert y.shape == (4, 5, head.n_in + 1 + n_belief)


@pytest.mark.parametrize("net", [believer().net, guesser().net])
def test_theta_is_drawn_for_the_encoder_first_and_the_scale_is_the_actor_s(net):
    encoder, actor = net.split(net.init(np.random.default_rng(0), output_scale=0.1))
    rng = np.random.default_rng(0)
    assert np.array_equal(encoder, net.encoder.init(rng))
    assert np.array_equal(actor, net.actor.init(rng, output_scale=0.1))


@pytest.mark.parametrize("net", [believer().net, Product(2, 5, (6,), 3), Table(4, 3)])
def test_unless_one_says_otherwise_the_last_layer_is_as_large_as_the_others(net):
    one, other = (net.init(np.random.default_rng(0), **options)
                  for options in ({}, {"output_scale": 1.0}))
    assert np.array_equal(one, other)


def test_votes_begin_with_small_precisions_and_all_else_as_the_network_draws_it():
    net = Product(2, 5, (6,), 3)
    theta, drawn = (n.init(np.random.default_rng(0)) for n in (net, net.net))
    assert np.array_equal(theta[:-3], drawn[:-3]) and (theta[-3:] == LOG_PRECISION).all()


# ---- laws

@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", [GRU, LSTM])
def test_a_belief_policy_obeys_every_law(network, head):
    check_policy(believer(head, network=network, through=True))


def test_with_a_stop_only_central_differences_see_through_it():
    small = BeliefPolicy(2, HEADS[0], 2, n_latent=1, hidden=(3,))
    check_policy(small, expect_failure=STOPPED)


@pytest.mark.parametrize("head", HEADS)
def test_a_guess_policy_obeys_every_law_of_a_policy_that_is_given_its_guesses(head):
    check_policy(guesser(head), skip=("acting",))


def test_a_product_of_votes_obeys_every_law_of_a_map():
    check_map(Product(2, 5, (6,), 3), (5, 4, 5))


# ---- the stop

def gradients(policy, seed=0):
    """theta_bar of an objective of u and value alone: the encoder's part, the actor's."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=policy.size) * 0.5
    y, cache = policy.forward(theta, rng.normal(size=(5, 4, policy.n_in)))
    u, value = policy.split(y)
    y_bar = policy.join(rng.normal(size=u.shape), y, rng.normal(size=value.shape))
    return policy.net.split(policy.weights(policy.vjp(theta, cache, y_bar)[0]))


def test_an_objective_of_the_actions_trains_the_actor_alone():
    for policy in (believer(), guesser()):
        encoder, actor = gradients(policy)
        assert not encoder.any() and np.abs(actor).min() < np.abs(actor).max()


def test_with_through_it_trains_the_encoder_too():
    encoder, actor = gradients(believer(through=True))
    assert np.abs(encoder).max() > 1e-3
    assert np.array_equal(actor, gradients(believer())[1])


@pytest.mark.parametrize("through", [False, True])
def test_a_tangent_of_the_encoder_moves_the_actions_only_without_a_stop(through):
    policy, rng = believer(through=through), np.random.default_rng(0)
    theta, theta_dot = rng.normal(size=(2, policy.size))
    _, cache = policy.forward(theta, rng.normal(size=(5, 4, policy.n_in)))
    for moved, still in ((0, 1), (1, 0)):   # the encoder, the actor
        direction = theta_dot.copy()
        policy.net.split(direction)[still][:] = 0
        y_dot, _ = policy.jvp(theta, cache, direction)
        o_dot, b_dot = policy.net.parts(y_dot)
        assert np.isfinite(y_dot).all()
        assert o_dot.any() == (through or moved == 1) and b_dot.any() == (moved == 0)


def test_a_stop_that_the_gradient_does_not_know_is_caught():
    def plant(edit):
        def wrap(real):
            def broken(net, theta, cache, y_bar):
                return real(EncoderActor(net.encoder, net.actor, net.n_obs, True), theta, cache,
                            y_bar)
            return broken
        edit(EncoderActor, "vjp", wrap)

    with planted(plant), pytest.raises(LawBroken) as broken:
        check_policy(believer(), leads=((2,),), scales=(1.0,), expect_failure=STOPPED)
    assert set(broken.value.report.failed) >= {"complex step", "transpose", "second"}


# ---- acting

def acted(policy, ends, seed=0, swap=None):
    """Memories of four rows after each step; `ends` are the steps that end an episode."""
    rng, luck = np.random.default_rng(seed), np.random.default_rng(7)
    theta = rng.normal(size=policy.size) * 0.5
    memory, last, memories = policy.begin(theta, 4), None, []
    for t in range(7):
        x = policy.see(rng.normal(size=(1, 4, 2)), last, theta.dtype)
        act, memory = policy.act(theta, memory, x[0], luck)
        memories.append(memory)
        last = act.action[None], rng.normal(size=(1, 4)), np.full((1, 4), t in ends)
    return memories


def test_a_guess_is_held_from_the_beginning_of_an_episode_to_its_end():
    guesses = [memory[-2] for memory in acted(guesser(), ends=(2, 4))]
    for t, (one, other) in enumerate(zip(guesses, guesses[1:])):
        assert np.array_equal(one, other) == (t not in (2, 4))


def test_a_guess_of_a_step_is_held_for_a_step():
    guesses = [memory[-2] for memory in acted(guesser(held="step"), ends=())]
    assert all((one != other).all() for one, other in zip(guesses, guesses[1:]))


def test_a_guess_is_a_draw_from_the_belief():
    policy, rng = guesser(), np.random.default_rng(0)
    theta, R = rng.normal(size=policy.size) * 0.5, 100_000
    x = np.zeros((R, policy.n_in))
    _, (*_, m, _) = policy.act(theta, policy.begin(theta, R), x, rng)
    assert np.abs(m.mean(0)).max() < 5 / np.sqrt(R)                    # N(0, 1) at first
    assert np.abs(m.var(0) - 1).max() < 5 * np.sqrt(2 / R)


def test_a_sample_has_sigma_and_not_log_sigma_for_its_spread():
    m, _ = sample(np.array([[2.0, 5.0, np.log(3.0), 0.0]]), np.array([[1.0, -1.0]]))
    assert m == pytest.approx(np.array([[5.0, 4.0]]), rel=1e-15)


def test_a_sample_is_a_map_of_its_parameters_and_of_its_luck_in_four_forms():
    rng, step = np.random.default_rng(0), 1e-30j
    (q, q_dot), (noise, noise_dot) = rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 4, 3))
    m_bar, m_bar_dot = rng.normal(size=(2, 4, 3))
    _, cache = sample(q, noise)
    m_dot, cache_dot = sample_jvp(cache, q_dot, noise_dot)
    m, stepped = sample(q + step * q_dot, noise + step * noise_dot)
    assert m_dot == pytest.approx(m.imag / 1e-30, rel=1e-12)
    q_bar, noise_bar = sample_vjp(cache, m_bar)
    assert (m_bar * m_dot).sum() == pytest.approx(
        (q_bar * q_dot).sum() + (noise_bar * noise_dot).sum(), rel=1e-12)
    for mine, true in zip(sample_vjp_dot(cache, m_bar, cache_dot, m_bar_dot),
                          sample_vjp(stepped, m_bar + step * m_bar_dot), strict=True):
        assert mine == pytest.approx(true.imag / 1e-30, rel=1e-12)


# ---- the product

def beliefs(net, x, seed=0):
    theta = np.random.default_rng(seed).normal(size=net.size) * 0.5
    return net.forward(theta, x)[0]


def test_the_order_of_the_transitions_does_not_matter_to_a_product():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 4, 5))
    x[..., :2] = 0.3                                 # the same observation at every step
    order = np.concatenate([[0], 1 + rng.permutation(5)])
    product, gru = Product(2, 5, (6,), 3), GRU(5, 4, 6)
    one, other = beliefs(product, x)[-1], beliefs(product, x[order])[-1]
    assert np.abs(one - other).max() < 1e-14
    assert np.abs(beliefs(gru, x)[-1] - beliefs(gru, x[order])[-1]).max() > 1e-3


def test_a_product_is_the_normal_density_that_the_votes_multiply_to():
    net, rng = Product(1, 4, (), 1), np.random.default_rng(2)
    x, theta = rng.normal(size=(4, 1, 4)), rng.normal(size=net.size)
    z = np.concatenate([x[:-1, 0, :1], x[1:, 0]], -1)
    votes = net.net.forward(theta, z)[0]
    m = np.linspace(-12, 12, 100_001)
    log_p = -m ** 2 / 2 - sum(np.exp(k) * (m - c) ** 2 / 2 for c, k in votes)
    p = np.exp(log_p - log_p.max())
    mean = (p * m).sum() / p.sum()
    sigma = np.sqrt((p * (m - mean) ** 2).sum() / p.sum())
    q = net.forward(theta, x)[0][-1, 0]
    assert q == pytest.approx([mean, np.log(sigma)], rel=1e-9)


def test_acting_step_by_step_ends_in_the_belief_and_memory_of_a_forward_pass():
    policy = guesser()
    rng, theta = np.random.default_rng(3), None
    net = policy.net.encoder
    theta = rng.normal(size=net.size) * 0.5
    x = rng.normal(size=(5, 4, net.n_in))
    b, cache = net.forward(theta, x)
    state = net.initial_state(theta, 4)
    n_steps = np.array([0, 1, 3, 5])
    some = net.state_after(cache, n_steps)
    for t in range(6):
        for a, each in zip(state, some, strict=True):
            assert a.shape == each.shape
            assert np.abs((a - each)[n_steps == t]).max(initial=0) < 1e-14
        if t < 5:
            out, state = net.step(theta, state, x[t])
            assert np.abs(out - b[t]).max() < 1e-14
    for a, each in zip(state, net.state_after(cache), strict=True):
        assert np.abs(a - each).max() < 1e-14


def test_the_memory_after_some_steps_of_each_task_and_row_is_that_of_the_task_alone():
    net, rng = guesser().net.encoder, np.random.default_rng(4)
    theta = rng.normal(size=(2, net.size)) * 0.5
    x, n_steps = rng.normal(size=(2, 5, 3, net.n_in)), np.array([[0, 2, 5], [4, 1, 3]])
    together = net.state_after(net.forward(theta, x)[1], n_steps)
    for k in range(2):
        alone = net.state_after(net.forward(theta[k], x[k])[1], n_steps[k])
        for many, one in zip(together, alone, strict=True):
            assert np.array_equal(many[k], one)


def test_the_memory_after_all_steps_of_several_tasks_is_that_of_each_alone():
    net, rng = guesser().net.encoder, np.random.default_rng(4)
    theta, x = rng.normal(size=(2, net.size)), rng.normal(size=(2, 5, 3, net.n_in))
    _, cache = net.forward(theta, x)
    counted = net.state_after(cache, [[5, 5, 5], [5, 5, 5]])
    for one, other in zip(net.state_after(cache), counted, strict=True):
        assert np.array_equal(one, other) and one.shape[:2] == (2, 3)


def test_the_transpose_of_transitions_writes_to_nothing_that_it_is_given():
    net, rng = Product(2, 5, (6,), 3), np.random.default_rng(0)
    z_bar = rng.normal(size=(12, 7))
    before = z_bar.copy()
    net.transitions_vjp(z_bar, rng.normal(size=(4, 3, 5)))
    assert np.array_equal(z_bar, before)


def test_the_memory_after_a_forward_pass_is_that_of_having_acted_where_a_guess_is_due():
    policy, rng = guesser(), np.random.default_rng(0)
    theta, x = policy.init(rng), rng.normal(size=(6, 4, policy.n_in))
    memory = policy.begin(theta, 4)
    for x_t in x:
        *memory, _, _ = policy.act(theta, memory, x_t, rng)[1]
        *_, guess, due = memory = policy.due(memory)
    assert not guess.any() and due.all()
    for mine, acted in zip(policy.memory_after(policy.forward(theta, x)[1]), memory, strict=True):
        assert mine.shape == acted.shape and np.abs(mine - acted).max() < 1e-12
    assert policy.n_in == 2 + 3 + 1 + 1 + 3    # s, a, r, d and m


def test_acting_follows_the_guess_in_the_memory_and_shows_it_in_place_of_that_in_x():
    policy, rng = guesser(), np.random.default_rng(5)
    theta, x = rng.normal(size=policy.size), rng.normal(size=(7, policy.n_in))
    memory = policy.begin(theta, 7)
    acts = [policy.act(theta, memory, x + m, np.random.default_rng(6))[0]
            for m in (0, np.arange(policy.n_in) >= policy.n_in - policy.n_latent)]
    for one, other in zip(*acts, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(acts[0].x[:, :-policy.n_latent], x[:, :-policy.n_latent])
    assert not np.isclose(acts[0].x[:, -policy.n_latent:], x[:, -policy.n_latent:]).any()


# ---- what is refused

@pytest.mark.parametrize("error, make, wrong, message", [
    (TypeError, believer, {"through": 1}, "through must be True or False, got 1"),
    (ValueError, guesser, {"held": "trial"}, "held must be one of 'episode', 'step', got 'trial'"),
    (ValueError, guesser, {"sees": ("action",)}, "sees must have 'done'.*got .'action'"),
    (ValueError, guesser, {"sees": ("action", "done", "x")}, "sees must be one of .* got 'x'"),
])
def test_what_cannot_be_is_refused(error, make, wrong, message):
    with pytest.raises(error, match=message):
        make(**wrong)


@pytest.mark.parametrize("error, wrong, message", [
    (ValueError, {"obs_size": -1}, "obs_size must be at least 0, got -1"),
    (ValueError, {"n_hidden": 0}, "n_hidden must be at least 1, got 0"),
    (ValueError, {"n_latent": 0}, "n_latent must be at least 1, got 0"),
    (TypeError, {"n_latent": 2.5}, "n_latent must be a whole number, got 2.5"),
    (TypeError, {"sees": "done"}, "sees must be a tuple, got 'done'"),
    (TypeError, {"votes": 32}, "votes must be a tuple, got 32"),
    (TypeError, {"hidden": 32}, "hidden must be a tuple, got 32"),
    (ValueError, {"reward_unit": 0}, r"reward_unit must be a finite number in \(0, inf\), got 0"),
])
def test_what_a_policy_cannot_have_is_refused_by_name(error, wrong, message):
    having = [kind for kind in (RecurrentPolicy, BeliefPolicy, GuessPolicy)
              if wrong.keys() <= kind.__dataclass_fields__.keys()]
    for kind in having:
        with pytest.raises(error, match=message):
            kind(**{"obs_size": 2, "head": HEADS[0]} | wrong)
    assert having
