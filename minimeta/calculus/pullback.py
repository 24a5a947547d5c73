"""A pullback gives the derivatives of a map in theta alone, at one point and for one
y_bar. What grad and every hvp of an objective share is computed once.

    back = pullback(net, theta, cache, y_bar)
    back.theta_bar()                                        net.vjp(..)[0]
    back.theta_bar_dot(theta_dot, cache_dot, y_bar_dot)     net.vjp_dot(..)[0]

Plain is these two lines, and serves every map. Layered serves an MLP: it keeps the
cotangents of the layers, and x_bar, which nobody asks for, is not computed.

A map says which class serves it by an attribute `pullback` of its methods vjp and
vjp_dot. So a subclass with a vjp of its own is served by Plain.
"""
from .fast import by_transpose, plus, sum_rows
from .maps import ACTIVATIONS, transpose


def pullback(net, theta, cache, y_bar):
    """The pullback of a map in four forms."""
    kind, other = (getattr(form, "pullback", None) for form in (net.vjp, net.vjp_dot))
    return (kind if kind and kind is other else Plain)(net, theta, cache, y_bar)


def served_by(kind):
    """Decorates vjp and vjp_dot of a map that has a pullback of its own."""
    def mark(form):
        form.pullback = kind
        return form
    return mark


class Plain:
    """The pullback of any map."""

    def __init__(self, *at):
        self.at = at    # net, theta, cache, y_bar

    def theta_bar(self):
        net, *at = self.at
        return net.vjp(*at)[0]

    def theta_bar_dot(self, theta_dot, cache_dot, y_bar_dot):
        net, *at = self.at
        return net.vjp_dot(*at, theta_dot, cache_dot, y_bar_dot)[0]


class Layered:
    """The pullback of an MLP. For each layer it keeps y_bar, the cotangent of the
    output of the layer before, and a_bar, that of x W + b."""

    def __init__(self, net, theta, cache, y_bar):
        act_vjp = ACTIVATIONS[net.activation][2]
        self.net, self.ys, self.layers = net, cache, net.layers(theta)
        self.y_bars, self.a_bars = [None], [y_bar]
        for y, (W, _) in zip(cache[:0:-1], self.layers[:0:-1]):
            self.y_bars.insert(1, by_transpose(self.a_bars[0], W))
            self.a_bars.insert(0, act_vjp(y, self.y_bars[1]))

    def theta_bar(self):
        blocks = []
        for y, a_bar in zip(self.ys, self.a_bars):
            blocks += transpose(y) @ a_bar, sum_rows(a_bar)
        return self.net.pack(blocks)

    def theta_bar_dot(self, theta_dot, cache_dot, y_bar_dot):
        act_vjp_dot = ACTIVATIONS[self.net.activation][3]
        blocks, a_bar_dot, layers_dot = [], y_bar_dot, self.net.layers(theta_dot)
        for layer in reversed(range(len(self.layers))):
            y, y_dot, a_bar = self.ys[layer], cache_dot[layer], self.a_bars[layer]
            W_bar_dot = transpose(y) @ a_bar_dot
            blocks = [W_bar_dot, sum_rows(a_bar_dot)] + blocks
            if layer > 0:    # x_dot is 0
                W_bar_dot += transpose(y_dot) @ a_bar
                (W, _), (W_dot, _) = self.layers[layer], layers_dot[layer]
                y_bar_dot = plus(by_transpose(a_bar_dot, W), by_transpose(a_bar, W_dot))
                a_bar_dot = act_vjp_dot(y, self.y_bars[layer], y_dot, y_bar_dot)
        return self.net.pack(blocks)
