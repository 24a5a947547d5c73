"""Checks all derivatives of a map, such as a layer or a network.

    report = check_map(MLP((3, 5, 2)), (7, 3))    LawBroken if a law is broken
    print(report)                                 law, checks, worst error, gate

A map is anything with size, layout, forward and vjp. Where jvp or vjp_dot is missing,
the laws on it do not apply:

    forward(theta, x)                           -> y, cache
    jvp(theta, cache, theta_dot, x_dot=None)    -> y_dot, cache_dot
    vjp(theta, cache, y_bar)                    -> theta_bar, x_bar
    vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
                                                -> theta_bar_dot, x_bar_dot

Letters: lead, the task axes; P parameters; theta lead + [P], x lead + x_shape.
"""
from itertools import product

import numpy as np

from . import behaviour, laws
from .differences import nearest
from .map_hints import explain
from .map_probe import MapProbe
from .nests import leaves
from .report import Error
from .suite import DoesNotApply, Law, Suite, by_differences, check

ALL = 5000  # coordinates tried one by one to name the worst of a broken gradient


@check
def check_map(net, x, *, seed=0, leads=((), (2,)), scales=(0.3, 1.0), complex_safe=True,
              skip=(), expect_failure={}):
    """Checks every law on a map, for each of `leads` and `scales`.

    x             the shape of one task's input, a tuple such as (R, n_in), filled at
                  random; or an array, where inputs must be of a kind (one-hot, say)
    leads         task axes to try
    scales        standard deviations of theta to try
    complex_safe  False if complex numbers do not flow through the map: differences
                  judge, and bugs below 1e-6 are not seen

    Returns the Report. Raises LawBroken, which shows the most basic broken law first.
    """
    return map_suite(net, x, MapProbe, LAWS, seed, leads, scales, complex_safe, skip,
                     expect_failure)


map_report = check_map.report


def map_suite(net, x, probe, rules, seed, leads, scales, complex_safe, skip,
              expect_failure):
    """The Suite of laws `rules` on a probe for each lead and scale."""
    settings = list(product(map(tuple, leads), scales))
    if not settings:
        raise ValueError(f"leads and scales must hold one case each at least, got "
                         f"{leads} and {scales}")

    def cases():
        return [probe(net, x, lead, scale, seed, number, complex_safe)
                for number, (lead, scale) in enumerate(settings)]

    rules = rules if complex_safe else by_differences(rules)
    return Suite(f"{net!r}, P = {net.size}", rules, cases, skip, expect_failure,
                 explain)


# ---- the laws

def purity(p):
    """Every form is pure, its caches included, and no later forward changes a cache."""
    (theta, x, y_bar, theta_dot, x_dot, y_bar_dot), net = p.arguments, p.net
    _, cache = net.forward(theta, x)
    calls = [(net.vjp, theta, cache, y_bar)]
    yield behaviour.purity(net.forward, theta, x)
    if hasattr(net, "jvp"):
        _, cache_dot = net.jvp(theta, cache, theta_dot, x_dot)
        calls += [(net.jvp, theta, cache, theta_dot, x_dot)]
    if hasattr(net, "vjp_dot"):
        calls += [(net.vjp_dot, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)]
    for form, *args in calls:
        yield behaviour.purity(form, *args)
    before = [np.copy(leaf) for form, *args in calls for leaf in leaves(form(*args))]
    net.forward(theta + 1, x)
    after = [leaf for form, *args in calls for leaf in leaves(form(*args))]
    if not behaviour.same(before, after):
        yield Error("purity", np.inf, "a later forward changed what an old cache gives",
                    "the cache is stale: keep all that the backward pass needs in the "
                    "cache, nothing in the object")


def tangent(p):
    """jvp with x_dot, and without it."""
    p.needs("jvp")

    def y(theta):
        return p.net.forward(theta, p.x)[0]

    def y_dot(theta, theta_dot):
        return p.net.jvp(theta, p.net.forward(theta, p.x)[1], theta_dot)[0]

    theta_dot, _ = p.split(p.v)
    yield laws.tangent(p.y, p.y_dot, p.z, p.v, sizes=p.sizes, slope=p.slope)
    yield laws.tangent(y, y_dot, p.theta, theta_dot, sizes=p.sizes, slope=p.slope)


def slope_law(rule, gate):
    """A law along random directions; if broken, along coordinates, to name one."""
    def law(p):
        def error(limit):
            return rule(p.value, p.grad, p.z, name=p.layout.name, limit=limit,
                        sizes=p.sizes)

        quick = error(0)
        if quick <= gate:
            return quick
        slow = error(ALL)
        return quick if slow <= gate else slow
    return law


def complex_step(p):
    if p.slope is nearest:
        raise DoesNotApply("complex_safe=False")
    return slope_law(laws.complex_step, 1e-12)(p)


def transpose(p):
    p.needs("jvp")
    return laws.transpose(p.y_bar(p.y(p.z)), p.y_dot(p.z, p.v), p.grad(p.z), p.v)


def second(p):
    """vjp_dot along theta_dot, x_dot and an unrelated y_bar_dot."""
    p.needs("vjp_dot")
    claimed = p.pull_dot(p.v, p.y_bar_dot)
    return laws.compare("second", claimed, p.slope_of_pull(p.v, p.y_bar_dot, claimed),
                        p.layout.name, p.sizes)


def symmetry(p):
    p.needs("vjp_dot")
    return laws.symmetry(p.hvp, p.z, p.u, p.v)


def tasks(p):
    if not p.lead:
        raise DoesNotApply("no leads have a task axis")
    return behaviour.tasks(p.forms, *p.arguments)


def memory(p):
    return behaviour.memory(p.forms, *p.arguments)


def precision(p):
    return behaviour.precision(p.forms, *p.arguments)


LAWS = (
    Law("purity", purity), Law("tangent", tangent, 1e-12),
    Law("complex step", complex_step, 1e-12),
    Law("central difference", slope_law(laws.central_difference, 1e-7), 1e-7),
    Law("transpose", transpose, 1e-13), Law("second", second, 1e-12),
    Law("symmetry", symmetry, 1e-13), Law("tasks", tasks, 1e-12),
    Law("memory", memory, 1e-12), Law("precision", precision))
