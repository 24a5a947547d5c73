"""A pullback gives in theta alone what vjp and vjp_dot give."""
import numpy as np
import pytest

from minimeta import (MLP, Categorical, Gaussian, MLPPolicy, RecurrentPolicy, TabularPolicy)
from minimeta.calculus.pullback import Layered, Plain, pullback

MAPS = [MLP((3, 2)), MLP((3, 5, 4, 2)), MLP((3, 5, 2), "sigmoid"), MLP((3, 5, 4, 2), "relu"),
        MLPPolicy(3, Gaussian(2), (5, 4)), MLPPolicy(3, Categorical(4), (5,)),
        RecurrentPolicy(2, Gaussian(2), 4), TabularPolicy(3, 4)]


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("net", MAPS)
def test_every_pullback_is_the_plain_one(net, dtype, lead):
    rng = np.random.default_rng(0)

    def draw(*shape):
        noise = rng.normal(size=shape)
        return noise + 1j * rng.normal(size=shape) if dtype is np.complex128 else noise

    shape = (6, net.sizes[0]) if isinstance(net, MLP) else (6, 3, net.n_in)
    theta, v = 0.5 * draw(*lead, net.size), draw(*lead, net.size)
    y, cache = net.forward(theta, draw(*lead, *shape))
    y_bar, y_bar_dot = draw(*y.shape), draw(*y.shape)
    _, cache_dot = net.jvp(theta, cache, v)
    mine, plain = (kind(net, theta, cache, y_bar) for kind in (pullback, Plain))
    for a, b in ((mine.theta_bar(), plain.theta_bar()),
                 (mine.theta_bar_dot(v, cache_dot, y_bar_dot),
                  plain.theta_bar_dot(v, cache_dot, y_bar_dot))):
        assert a.dtype == b.dtype == dtype and a.shape == theta.shape
        assert np.abs(a - b).max() < 1e-12 * np.abs(b).max()


def test_a_subclass_with_its_own_forms_is_served_by_them():
    class Vjp(MLP):
        def vjp(self, *at):
            return super().vjp(*at)

    class VjpDot(MLP):
        def vjp_dot(self, *at):
            return super().vjp_dot(*at)

    rng = np.random.default_rng(0)
    for kind, expected in ((MLP, Layered), (Vjp, Plain), (VjpDot, Plain)):
        net = kind((3, 4, 2))
        theta, x = net.init(rng), rng.normal(size=(5, 3))
        y, cache = net.forward(theta, x)
        assert type(pullback(net, theta, cache, y)) is expected
