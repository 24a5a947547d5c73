"""Break an LSTM's derivatives in ten ways and see which law notices.

    python examples/check_a_gradient.py            3 seconds
    python examples/check_a_gradient.py --quick    1 second

A row is a bug, a column a check, a number the relative error of a check that fails.
No law sees everything: transpose is blind to what jvp and vjp share, symmetry to
symmetric mistakes, the differences of the loss to its Hessian. The last two columns are
a common rule, each element within 1e-5 + 1e-3 |numerical| of a numerical gradient, for
the loss and for 1e-4 times the loss: where the loss is small it lets bugs pass. The
laws are relative to the norm of the gradient and do not care. The last lines read

    caught         7       7       7       9       1       6       2

    An error says where. complex step:
        relative error 1.1e-01, worst at W[0, 0]: [..]
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass, field

import numpy as np

from minimeta import LSTM
from minimeta.testing import (central_difference, complex_step, second, symmetry,
                              transpose)

T, B = 8, 5                   # steps, episodes
N_IN, N_HIDDEN, N_OUT = 3, 4, 2
SCALE = 0.3                   # standard deviation of the weights
SMALL = 1e-4                  # factor on the loss in the last column
GATE, BLUNT = 1e-12, 1e-7     # of the laws, and of the central difference


def times(factor):
    return lambda layout, theta: factor * theta


def without(name):
    def edit(layout, theta):
        blocks = layout.unpack(theta)._asdict()
        return layout.pack(**blocks | {name: 0 * blocks[name]})
    return edit


def swapped(layout, theta):
    blocks = layout.unpack(theta)._asdict()
    i, f, o, g = np.split(blocks["W"], 4, -1)
    return layout.pack(**blocks | {"W": np.concatenate([f, i, o, g], -1)})


BUGS = {  # name: {the form that is spoilt: how}
    "none": {},
    "gradient is zero": {"vjp": times(0)},
    "gradient has the wrong sign": {"vjp": times(-1)},
    "gradient is 0.1 % too large": {"vjp": times(1.001)},
    "gates i and f are swapped": {"vjp": swapped},
    "recurrent weights forgotten": {"vjp": without("U")},
    "learned h0 forgotten": {"vjp": without("h0")},
    "h0 forgotten by jvp too": {"vjp": without("h0"), "jvp": without("h0")},
    "jvp forgets h0": {"jvp": without("h0")},
    "Hessian is 0.1 % too large": {"vjp_dot": times(1.001)},
    "Hessian forgets U": {"vjp_dot": without("U")},
}


@dataclass(frozen=True)
class Broken(LSTM):
    """An LSTM with a bug, in what goes into jvp or comes out of the other forms."""

    bug: dict = field(default_factory=dict)

    def spoil(self, form, theta):
        return self.bug.get(form, times(1))(self.layout, theta)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        return super().jvp(theta, cache, self.spoil("jvp", theta_dot), x_dot)

    def vjp(self, *args):
        theta_bar, x_bar = super().vjp(*args)
        return self.spoil("vjp", theta_bar), x_bar

    def vjp_dot(self, *args):
        theta_bar_dot, x_bar_dot = super().vjp_dot(*args)
        return self.spoil("vjp_dot", theta_bar_dot), x_bar_dot


def common_rule(value, grad, theta, h=1e-6):
    """1 if some element of grad is off, else 0."""
    numerical = [(value(theta + h * e) - value(theta - h * e)) / (2 * h)
                 for e in np.eye(theta.size)]
    return 1.0 - np.allclose(grad(theta), numerical, rtol=1e-3, atol=1e-5)


def examine(bug, n_steps, seed):
    """Every check on the mean squared error of an LSTM with a bug: {check: error}."""
    net, rng = Broken(N_IN, N_HIDDEN, N_OUT, bug), np.random.default_rng(seed)
    theta, u, v = rng.normal(size=(3, net.size)) * [[SCALE], [1], [1]]
    x, target = (rng.normal(size=(n_steps, B, n)) for n in (N_IN, N_OUT))

    def value(theta, scale=1.0):
        return scale * ((net.forward(theta, x)[0] - target) ** 2).mean()

    def grad(theta, scale=1.0):
        y, cache = net.forward(theta, x)
        return net.vjp(theta, cache, scale * 2 * (y - target) / y.size)[0]

    def hvp(theta, v):
        y, cache = net.forward(theta, x)
        y_dot, cache_dot = LSTM.jvp(net, theta, cache, v)  # never the spoilt one
        y_bar, y_bar_dot = 2 * (y - target) / y.size, 2 * y_dot / y.size
        return net.vjp_dot(theta, cache, y_bar, v, cache_dot, y_bar_dot)[0]

    def small(f):
        return lambda theta: f(theta, SMALL)

    _, cache = net.forward(theta, x)
    Jv, JTu = net.jvp(theta, cache, v)[0], net.vjp(theta, cache, target)[0]
    name = net.layout.name
    return {
        "complex": complex_step(value, grad, theta, name=name),
        "central": central_difference(value, grad, theta, name=name),
        "transpose": transpose(target, Jv, JTu, v),
        "second": second(grad, hvp, theta, v, name=name),
        "symmetry": symmetry(hvp, theta, u, v),
        "common": common_rule(value, grad, theta),
        "small": common_rule(small(value), small(grad), theta),
    }


def is_caught(check, error):
    return error > (BLUNT if check == "central" else GATE)


def main(n_steps=T, seed=0):
    """Prints the table; returns {bug: {check: error}}."""
    table = {name: examine(bug, n_steps, seed) for name, bug in BUGS.items()}
    checks = list(table["none"])
    print(f"{'bug':28}" + "".join(f"{check:>10}" for check in checks))
    for name, errors in table.items():
        cells = (f"{error:.0e}" if is_caught(check, error) else "-"
                 for check, error in errors.items())
        print(f"{name:28}" + "".join(f"{cell:>10}" for cell in cells))
    n_caught = [sum(is_caught(c, row[c]) for row in table.values()) for c in checks]
    print(f"{'caught':28}" + "".join(f"{n:10}" for n in n_caught))
    where = str(table["gates i and f are swapped"]["complex"])
    print(f"\nAn error says where. {where.replace(': ', f':{chr(10)}    ')}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="3 steps of time")
    args = parser.parse_args()
    main(3 if args.quick else T, args.seed)
