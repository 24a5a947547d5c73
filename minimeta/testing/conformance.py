"""Suites: all the laws that apply to a thing, at several sizes and scales, with counts.

    report = check_map(MLP((3, 5, 2)), (7, 3))    AssertionError if a law is broken
    print(report)                                    law, checks, worst error, gate

A map is anything with size, layout, forward, jvp, vjp and vjp_dot:

    forward(theta, x)                           -> y, cache
    jvp(theta, cache, theta_dot, x_dot=None)    -> y_dot, cache_dot
    vjp(theta, cache, y_bar)                    -> theta_bar, x_bar
    vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
                                                -> theta_bar_dot, x_bar_dot

Letters: lead, the task axes; P parameters; theta lead + [P], x lead + x_shape.
"""
from itertools import product

import numpy as np

from ..calculus import Layout
from . import behaviour, laws
from .report import Report, worst

GATES = {"complex step": 1e-12, "central difference": 1e-7, "tangent": 1e-12,
         "second": 1e-12, "transpose": 1e-13, "symmetry": 1e-13, "tasks": 1e-12,
         "purity": 0.0, "memory": 1e-12, "precision": 0.0}
ALL = 5000  # coordinates tried one by one to name the worst of a broken gradient


def check_map(net, x, *, seed=0, leads=((), (2,)), scales=(0.3, 1.0)):
    """Every law on a map, or AssertionError with the message of the worst failure.

    x       the shape of one task's input, a tuple such as (R, n_in), filled at random;
            or an array, where inputs must be of a kind (one-hot, say)
    leads   task axes to try
    scales  standard deviations of theta to try; large weights saturate and cost digits

    Returns the Report.
    """
    return map_report(net, x, seed=seed, leads=leads, scales=scales).settle()


def map_report(net, x, *, seed=0, leads=((), (2,)), scales=(0.3, 1.0)):
    """As check_map, but a broken law is only reported."""
    cases = list(product(map(tuple, leads), scales))
    if not cases:
        raise ValueError(f"leads and scales must hold one case each at least, got "
                         f"{leads} and {scales}")
    declared = {law: len(cases) for law in GATES}
    declared["tasks"] = sum(len(lead) > 0 for lead, _ in cases)
    report = Report(f"{net!r}, P = {net.size}", GATES, declared)
    for number, (lead, scale) in enumerate(cases):
        probe = MapProbe(net, x, lead, scale, np.random.default_rng([seed, number]))
        context = (f"seed {seed}, case {number}: theta {list(probe.theta.shape)} of "
                   f"scale {scale}, x {list(probe.x.shape)}, y {list(probe.a.shape)}")
        for error in probe.all():
            report.add(error, context)
    return report


class MapProbe:
    """A map at one random theta and x, as functions of z = (theta, x), one flat vector.

        s(y) = sum a y - b cos(y)     a curved scalar of its output, for random a and b
    """

    def __init__(self, net, x, lead, scale, rng):
        self.net, self.lead = net, lead
        x_shape = x if isinstance(x, tuple) else np.shape(x)
        self.layout = net.layout + Layout(x=x_shape)

        def draw(shape):
            return rng.normal(size=lead + tuple(shape))

        self.theta, self.x = scale * draw([net.size]), draw(x_shape)
        if not isinstance(x, tuple):
            self.x = np.array(np.broadcast_to(x, self.x.shape), float)
        core = net.forward(self.theta, self.x)[0].shape[len(lead):]
        self.a, self.b, self.y_bar_dot = draw(core), draw(core), draw(core)
        self.u, self.v = draw([self.layout.size]), draw([self.layout.size])
        self.z = self.join(self.theta, self.x)

    def join(self, theta, x):
        """One flat vector of theta and x, or of their cotangents."""
        if (theta.shape, x.shape) != (self.theta.shape, self.x.shape):
            raise AssertionError(
                f"{self.net!r}: theta_bar and x_bar must have the shapes of theta and "
                f"x, {list(self.theta.shape)} and {list(self.x.shape)}, got "
                f"{list(theta.shape)} and {list(x.shape)}")
        return np.concatenate([theta, x.reshape(theta.shape[:-1] + (-1,))], -1)

    def split(self, z):
        theta, x = z[..., :self.net.size], z[..., self.net.size:]
        return theta, x.reshape(self.x.shape)

    # The map, and the scalar of it, as functions of z.

    def y(self, z):
        return self.net.forward(*self.split(z))[0]

    def y_dot(self, z, z_dot):
        (theta, x), (theta_dot, x_dot) = self.split(z), self.split(z_dot)
        _, cache = self.net.forward(theta, x)
        return self.net.jvp(theta, cache, theta_dot, x_dot)[0]

    def value(self, z):
        y = self.y(z)
        core = tuple(range(len(self.lead), y.ndim))
        return (self.a * y - self.b * np.cos(y)).sum(core)

    def y_bar(self, y):
        return self.a + self.b * np.sin(y)

    def grad(self, z):
        theta, x = self.split(z)
        y, cache = self.net.forward(theta, x)
        return self.join(*self.net.vjp(theta, cache, self.y_bar(y)))

    def hvp(self, z, z_dot):
        (theta, x), (theta_dot, x_dot) = self.split(z), self.split(z_dot)
        y, cache = self.net.forward(theta, x)
        y_dot, cache_dot = self.net.jvp(theta, cache, theta_dot, x_dot)
        return self.join(*self.net.vjp_dot(
            theta, cache, self.y_bar(y), theta_dot, cache_dot,
            self.b * np.cos(y) * y_dot))

    def forms(self, theta, x, y_bar, theta_dot, x_dot, y_bar_dot):
        """Everything the four forms return but their caches."""
        y, cache = self.net.forward(theta, x)
        y_dot, cache_dot = self.net.jvp(theta, cache, theta_dot, x_dot)
        return (y, y_dot, self.net.vjp(theta, cache, y_bar), self.net.vjp_dot(
            theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot))

    # The laws.

    def all(self):
        theta_dot, x_dot = self.split(self.v)
        arguments = (self.theta, self.x, self.a, theta_dot, x_dot, self.y_bar_dot)
        yield self.slope(laws.complex_step)
        yield self.slope(laws.central_difference)
        yield self.tangent()
        yield self.second()
        yield laws.transpose(self.y_bar(self.y(self.z)), self.y_dot(self.z, self.v),
                             self.grad(self.z), self.v)
        yield laws.symmetry(self.hvp, self.z, self.u, self.v)
        if self.lead:
            yield behaviour.tasks(self.forms, *arguments)
        yield self.purity(*arguments)
        yield behaviour.memory(self.forms, *arguments)
        yield behaviour.precision(self.forms, *arguments)

    def slope(self, law):
        """Along random directions; if these show a bug, by coordinates, to name it."""
        def error(limit):
            name = self.layout.name
            return law(self.value, self.grad, self.z, name=name, limit=limit)

        quick = error(0)
        if quick <= GATES[quick.law]:
            return quick
        slow = error(ALL)
        return quick if slow <= GATES[quick.law] else slow

    def tangent(self):
        """With x_dot, and without it."""
        def y(theta):
            return self.net.forward(theta, self.x)[0]

        def y_dot(theta, theta_dot):
            return self.net.jvp(theta, self.net.forward(theta, self.x)[1], theta_dot)[0]

        theta_dot, _ = self.split(self.v)
        return worst([laws.tangent(self.y, self.y_dot, self.z, self.v),
                      laws.tangent(y, y_dot, self.theta, theta_dot)])

    def second(self):
        """vjp_dot along theta_dot, x_dot and an unrelated y_bar_dot."""
        theta_dot, x_dot = self.split(self.v)

        def pulled(step):
            theta, x = self.theta + step * theta_dot, self.x + step * x_dot
            _, cache = self.net.forward(theta, x)
            y_bar = self.a + step * self.y_bar_dot
            return self.join(*self.net.vjp(theta, cache, y_bar))

        _, cache = self.net.forward(self.theta, self.x)
        _, cache_dot = self.net.jvp(self.theta, cache, theta_dot, x_dot)
        claimed = self.join(*self.net.vjp_dot(
            self.theta, cache, self.a, theta_dot, cache_dot, self.y_bar_dot))
        true = np.imag(pulled(1e-30j)) / 1e-30
        return laws.compare("second", claimed, true, self.layout.name)

    def purity(self, theta, x, y_bar, theta_dot, x_dot, y_bar_dot):
        """Of each form in turn, caches included."""
        net = self.net
        _, cache = net.forward(theta, x)
        _, cache_dot = net.jvp(theta, cache, theta_dot, x_dot)
        return worst([
            behaviour.purity(net.forward, theta, x),
            behaviour.purity(net.jvp, theta, cache, theta_dot, x_dot),
            behaviour.purity(net.vjp, theta, cache, y_bar),
            behaviour.purity(
                net.vjp_dot, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)])
