"""Break an LSTM's derivatives in eleven ways and see which law notices.

    python examples/check_a_gradient.py            2 seconds
    python examples/check_a_gradient.py --quick    1 second

A row is a bug, a column a check, a number the relative error of a check that fails. No law sees
everything: transpose is blind to what jvp and vjp share, symmetry to symmetric mistakes, and
the differences of the loss to its Hessian. The last two columns are a common rule, each element
within 1e-5 + 1e-3 |numerical| of a numerical gradient, for the loss and for 1e-4 times the
loss. It depends on the unit of the loss, and where the loss is small it lets bugs pass. The laws
are relative to the norm of the gradient and do not care. The last lines read

    caught of 11    7    7    3    8    9    1    6    2

    An error says where. complex step:
        relative error 1.4e-01, worst at W[0, 4]:
        claimed -0.01059775413, true 0.003569584818; claimed is what is true at W[0, 0]:
        transposed or swapped?
"""
import argparse
from dataclasses import dataclass, field

import numpy as np

from minimeta import LSTM
from minimeta.testing import (central_difference, complex_step, second, symmetry, tangent,
                              transpose)

T, B = 8, 5                       # steps, episodes
N_IN, N_HIDDEN, N_OUT = 3, 4, 2   # sizes that all differ: a square would hide a transpose
SCALE = 0.3                       # standard deviation of the weights
SMALL = 1e-4                      # factor on the loss in the last column
GATE, BLUNT = 1e-12, 1e-7         # of the laws, and of the central difference


def times(factor):
    return lambda net, theta: factor * theta


def without(name):
    """Puts zeros in a block of a vector shaped as theta."""
    def edit(net, theta):
        blocks = net.layout.unpack(theta)._asdict()
        return net.layout.pack(**blocks | {name: 0 * blocks[name]})
    return edit


def swapped_gates(net, theta):
    blocks = net.layout.unpack(theta)._asdict()
    for name in ("W", "U", "b"):
        i, f, o, g = np.split(blocks[name], 4, -1)
        blocks[name] = np.concatenate([f, i, o, g], -1)
    return net.layout.pack(**blocks)


BUGS = {  # name: {what is spoilt: how}
    "none": {},
    "gradient is zero": {"vjp": times(0)},
    "gradient has the wrong sign": {"vjp": times(-1)},
    "gradient is 0.1 % too large": {"vjp": times(1.001)},
    "gates i and f are swapped": {"vjp": swapped_gates},
    "recurrent weights forgotten": {"vjp": without("U")},
    "learned h0 forgotten": {"vjp": without("h0")},
    "h0 forgotten by jvp too": {"vjp": without("h0"), "jvp": without("h0")},
    "jvp forgets h0": {"jvp": without("h0")},
    "jvp is 0.1 % too large": {"jvp": times(1.001)},
    "Hessian is 0.1 % too large": {"hvp": times(1.001)},
    "Hessian forgets U moves": {"moving": without("U")},
}


@dataclass(frozen=True)
class Broken(LSTM):
    """An LSTM with one of the bugs."""

    bug: dict = field(default_factory=dict)

    def spoil(self, what, theta):
        return self.bug[what](self, theta) if what in self.bug else theta

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        return super().jvp(theta, cache, self.spoil("jvp", theta_dot), x_dot)

    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return self.spoil("vjp", theta_bar), x_bar

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        theta_bar_dot, x_bar_dot = super().vjp_dot(
            theta, cache, y_bar, self.spoil("moving", theta_dot), cache_dot, y_bar_dot)
        return self.spoil("hvp", theta_bar_dot), x_bar_dot


def usual_rule(value, grad, theta, h=1e-6, atol=1e-5, rtol=1e-3):
    """1 if some element of grad is off by more than atol + rtol |numerical|, else 0."""
    numerical = [(value(theta + h * e) - value(theta - h * e)) / (2 * h)
                 for e in np.eye(theta.size)]
    return float(not np.allclose(grad(theta), numerical, rtol=rtol, atol=atol))


def examine(bug, n_steps, seed):
    """Every check on the mean squared error of an LSTM with a bug: {check: error}."""
    net, rng = Broken(N_IN, N_HIDDEN, N_OUT, bug), np.random.default_rng(seed)
    theta, u, v = rng.normal(size=(3, net.size)) * [[SCALE], [1], [1]]
    x, target = rng.normal(size=(n_steps, B, N_IN)), rng.normal(size=(n_steps, B, N_OUT))

    def value(theta, scale=1.0):
        return scale * ((net.forward(theta, x)[0] - target) ** 2).mean()

    def grad(theta, scale=1.0):
        y, cache = net.forward(theta, x)
        return net.vjp(theta, cache, scale * 2 * (y - target) / y.size)[0]

    def hvp(theta, v):
        y, cache = net.forward(theta, x)
        y_dot, cache_dot = LSTM.jvp(net, theta, cache, v)
        return net.vjp_dot(theta, cache, 2 * (y - target) / y.size,
                           v, cache_dot, 2 * y_dot / y.size)[0]

    def y(theta):
        return net.forward(theta, x)[0]

    def y_dot(theta, v):
        return net.jvp(theta, net.forward(theta, x)[1], v)[0]

    _, cache = net.forward(theta, x)
    return {
        "complex": complex_step(value, grad, theta, name=net.layout.name),
        "central": central_difference(value, grad, theta, name=net.layout.name),
        "tangent": tangent(y, y_dot, theta, v),
        "transpose": transpose(target, y_dot(theta, v), net.vjp(theta, cache, target)[0], v),
        "second": second(grad, hvp, theta, v, name=net.layout.name),
        "symmetry": symmetry(hvp, theta, u, v),
        "usual": usual_rule(value, grad, theta),
        f"usual {SMALL:.0e}": usual_rule(lambda t: value(t, SMALL), lambda t: grad(t, SMALL), theta),
    }


def is_caught(check, error):
    return error > (BLUNT if check == "central" else GATE)


def main(n_steps=T, seed=0):
    """Prints the table; returns {bug: {check: error}}."""
    table = {name: examine(bug, n_steps, seed) for name, bug in BUGS.items()}
    checks = list(table["none"])
    print(f"{'bug':30}" + "".join(f"{check:>11}" for check in checks))
    for name, errors in table.items():
        cells = ["-" if not is_caught(check, error) else
                 "caught" if "usual" in check else f"{error:.0e}"
                 for check, error in errors.items()]
        print(f"{name:30}" + "".join(f"{cell:>11}" for cell in cells))
    n_caught = {c: sum(is_caught(c, table[bug][c]) for bug in BUGS) for c in checks}
    print(f"{f'caught of {len(BUGS) - 1}':30}"
          + "".join(f"{n_caught[check]:11d}" for check in checks))
    where = str(table["gates i and f are swapped"]["complex"]).replace(": ", ":\n    ")
    print(f"\nAn error says where. {where}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="3 steps of time")
    args = parser.parse_args()
    main(3 if args.quick else T, args.seed)
