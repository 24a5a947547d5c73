"""A map at one random point, as functions of one flat vector, for the laws on maps.

Letters: lead, the task axes; P parameters; theta lead + [P], x lead + x_shape.
"""
import numpy as np

from ..calculus import Layout
from .differences import complex_slope, nearest
from .suite import DoesNotApply

AXES = {2: ("R", "m"), 3: ("T", "B", "m")}  # the axes of y, for messages


class MapProbe:
    """A map at one random theta and x, as functions of z = (theta, x), one flat vector.

        s(y) = sum a y - b S cos(y / S)     a curved scalar of its output

    a and b are random; S is the largest |y|, or 1 if y is smaller, so that no curvature
    is too sharp for differences.
    """

    def __init__(self, net, x, lead, scale, seed, number, complex_safe=True):
        self.net, self.lead = net, lead
        self.explained = {}
        self.rng = rng = np.random.default_rng([seed, number])
        x_shape = x if isinstance(x, tuple) else np.shape(x)
        self.layout = net.layout + Layout(x=x_shape)
        self.slope = complex_slope if complex_safe else nearest

        def draw(shape):
            return rng.normal(size=lead + tuple(shape))

        self.theta, self.x = scale * draw([net.size]), draw(x_shape)
        if not isinstance(x, tuple):
            self.x = np.array(np.broadcast_to(x, self.x.shape), float)
        y = net.forward(self.theta, self.x)[0]
        core = y.shape[len(lead):]
        self.S = max(1.0, np.abs(y).max(initial=0))
        self.a, self.b, self.y_bar_dot = draw(core), draw(core), draw(core)
        self.u, self.v = draw([self.layout.size]), draw([self.layout.size])
        self.z = self.join(self.theta, self.x)
        self.sizes = dict(zip(AXES.get(len(core), ()), core))
        self.context = (
            f"seed {seed}, case {number}: theta {list(self.theta.shape)} of scale "
            f"{scale}, x {list(self.x.shape)}, y {list(y.shape)}")

    def join(self, theta, x):
        """One flat vector of theta and x, or of their cotangents."""
        if (np.shape(theta), np.shape(x)) != (self.theta.shape, self.x.shape):
            raise AssertionError(
                f"{self.net!r}: theta_bar and x_bar must have the shapes of theta and "
                f"x, {list(self.theta.shape)} and {list(self.x.shape)}, got "
                f"{list(np.shape(theta))} and {list(np.shape(x))}")
        return np.concatenate([theta, x.reshape(theta.shape[:-1] + (-1,))], -1)

    def split(self, z):
        theta, x = z[..., :self.net.size], z[..., self.net.size:]
        return theta, x.reshape(self.x.shape)

    def needs(self, form):
        if not hasattr(self.net, form):
            raise DoesNotApply(f"the map has no {form}")

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
        return (self.a * y - self.b * self.S * np.cos(y / self.S)).sum(core)

    def y_bar(self, y):
        return self.a + self.b * np.sin(y / self.S)

    def grad(self, z):
        return self.pull(z, self.y_bar(self.y(z)))

    def pull(self, z, y_bar):
        """The vjp, as a flat vector."""
        theta, x = self.split(z)
        _, cache = self.net.forward(theta, x)
        return self.join(*self.net.vjp(theta, cache, y_bar))

    def hvp(self, z, z_dot):
        (theta, x), (theta_dot, x_dot) = self.split(z), self.split(z_dot)
        y, cache = self.net.forward(theta, x)
        y_dot, cache_dot = self.net.jvp(theta, cache, theta_dot, x_dot)
        return self.join(*self.net.vjp_dot(
            theta, cache, self.y_bar(y), theta_dot, cache_dot,
            self.b / self.S * np.cos(y / self.S) * y_dot))

    def pull_dot(self, z_dot, y_bar_dot):
        """vjp_dot at z of the cotangent a, as a flat vector."""
        theta_dot, x_dot = self.split(z_dot)
        _, cache = self.net.forward(self.theta, self.x)
        _, cache_dot = self.net.jvp(self.theta, cache, theta_dot, x_dot)
        return self.join(*self.net.vjp_dot(
            self.theta, cache, self.a, theta_dot, cache_dot, y_bar_dot))

    def slope_of_pull(self, z_dot, y_bar_dot, claimed=None, slope=None):
        """pull_dot by the slope of the vjp."""
        def along(step):
            return self.pull(self.z + step * z_dot, self.a + step * y_bar_dot)

        return (slope or self.slope)(along, 0.0, 1.0, claimed)[0]

    def forms(self, theta, x, y_bar, theta_dot, x_dot, y_bar_dot):
        """The results of all forms that the map has, without the caches."""
        y, cache = self.net.forward(theta, x)
        found = [y, self.net.vjp(theta, cache, y_bar)]
        if hasattr(self.net, "jvp"):
            y_dot, cache_dot = self.net.jvp(theta, cache, theta_dot, x_dot)
            found.append(y_dot)
            if hasattr(self.net, "vjp_dot"):
                found.append(self.net.vjp_dot(
                    theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot))
        return tuple(found)

    @property
    def arguments(self):
        """The arguments of forms."""
        return (self.theta, self.x, self.a, *self.split(self.v), self.y_bar_dot)
