"""Checks a policy: as a map, as a distribution over actions, and as an actor.

    print(check_policy(MLPPolicy(3, Categorical(4), (8,))))

A policy has head, net, layout, size and init; split(y) -> u, value and its transpose
join; the four forms of a map, x [.., T, B, n_in] -> y; and begin, see and act.

    init     init(rng, dtype) has the promised length and type, and is finite
    join     <join(u_bar, y, value_bar), y> = <u_bar, u> + <value_bar, value>
    acting   act gives the log-probabilities and values that forward gives afterwards

The laws of a map are in map_laws.py, those of a head in head_laws.py.
"""
import numpy as np

from .head_laws import LAWS as HEAD_LAWS
from .head_laws import HeadProbe
from .map_laws import LAWS as MAP_LAWS
from .map_laws import map_suite
from .map_probe import MapProbe
from .report import Error, compare, inner
from .suite import Law, check

T, B = 5, 4  # steps and episodes, where no x is given


@check
def check_policy(policy, x=None, *, seed=0, leads=((), (2,)), scales=(0.3, 1.0),
                 complex_safe=True, skip=(), expect_failure={}):
    """Checks every law on a policy.

    x   the shape (T, B, n_in) of one task's input, or an array; (5, 4, n_in) if None

    The other arguments are those of check_map. Returns the Report, or raises LawBroken.
    """
    x = (T, B, policy.n_in) if x is None else x
    return map_suite(policy, x, PolicyProbe, LAWS, seed, leads, scales, complex_safe,
                     skip, expect_failure)


class PolicyProbe(MapProbe):
    """A policy at one random theta and x, and its head at random u."""

    def __init__(self, policy, x, lead, scale, seed, number, complex_safe=True):
        super().__init__(policy, x, lead, scale, seed, number, complex_safe)
        self.case = HeadProbe(policy.head, scale, self.rng, complex_safe)


def init(p):
    for dtype in (np.float64, np.float32):
        theta = p.net.init(np.random.default_rng(0), dtype)
        if theta.shape != (p.net.size,) or theta.dtype != dtype:
            return Error("init", np.inf, f"init must give {np.dtype(dtype)} "
                                         f"[{p.net.size}], got {theta.dtype} "
                                         f"{list(theta.shape)}")
        if not np.isfinite(theta).all():
            return Error("init", np.inf, "init gives parameters that are not finite")
    return Error("init", 0.0, "as promised")


def join(p):
    y = p.y(p.z)
    u, value = p.net.split(y)
    u_bar, value_bar = p.rng.normal(size=u.shape), p.rng.normal(size=value.shape)
    has_value = y.shape[-1] > u.shape[-1]
    y_bar = p.net.join(u_bar, y, value_bar if has_value else None)
    return inner("join", ((u_bar, value_bar), (u, value)), (y_bar, y))


def acting(p):
    """Acts for T steps, then compares with a forward pass over the same inputs."""
    policy, rng, theta = p.net, p.rng, p.theta[(0,) * len(p.lead)]
    n_steps, n_rows = p.x.shape[-3:-1]
    memory, last, xs, acts = policy.begin(theta, n_rows), None, [], []
    for t in range(n_steps):
        obs = np.eye(policy.obs_size)[rng.integers(policy.obs_size, size=(1, n_rows))]
        x = policy.see(obs, last, theta.dtype)
        act, memory = policy.act(theta, memory, x[0], rng)
        xs, acts = xs + [x[0]], acts + [act]
        reward, end = rng.normal(size=(1, n_rows)), rng.random((1, n_rows)) < 0.3
        last = act.action[None], reward, end
    u, value = policy.split(policy.forward(theta, np.stack(xs))[0])
    action = np.stack([act.action for act in acts])
    yield compare("acting", np.stack([act.log_prob for act in acts]),
                  policy.head.log_prob(u, action))
    yield compare("acting", np.stack([act.value for act in acts]), value)


LAWS = (Law("init", init), *MAP_LAWS[:-3], *HEAD_LAWS, Law("join", join, 1e-13),
        Law("acting", acting, 1e-12), *MAP_LAWS[-3:])
