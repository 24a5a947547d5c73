"""Write a layer, break it subtly, and let three lines find the bug.

    python examples/property_test_your_layer.py        1 second

The layer is a layer norm, y = gain (x - mean) / std + shift, with its backward pass by
hand. The broken one divides by n - 1 where the variance divides by n: its gradient has
the right sign and nearly the right size, and a network that contains it trains. The
first line of the report reads, here in three,

    complex step: relative error 1.6e-01, worst at x[0, 0] of task 1: claimed ..;
    claimed - true of each row of x is a multiple of x less its mean: a term is missing
    or counted twice

To keep it that way, a file of ten lines for pytest, one test for each law:

    from minimeta.testing import check_map, parametrize_with_checks
    from my_layers import LayerNorm


    @parametrize_with_checks(
        check_map,
        (LayerNorm(4), (5, 4)),      # a layer and the shape of its input
        (LayerNorm(3), (1, 3)),
    )
    def test_my_layer_obeys_the_laws(check):
        check()
"""
import argparse
from dataclasses import dataclass

import numpy as np

from minimeta import Layout
from minimeta.testing import LawBroken, check_map

N, R = 4, 5     # numbers in a row, rows


def mean(a):
    return a.mean(-1, keepdims=True)


@dataclass(frozen=True)
class LayerNorm:
    """y = gain (x - mean) / std + shift, along the last axis of x [.., R, n]."""

    n: int

    @property
    def layout(self):
        return Layout(gain=(self.n,), shift=(self.n,))

    @property
    def size(self):
        return self.layout.size

    def forward(self, theta, x):
        gain, shift = self.layout.unpack(theta)
        std = np.sqrt(mean((x - mean(x)) ** 2))
        h = (x - mean(x)) / std
        return h * gain[..., None, :] + shift[..., None, :], (h, std)

    def vjp(self, theta, cache, y_bar):
        (h, std), (gain, _) = cache, self.layout.unpack(theta)
        h_bar = y_bar * gain[..., None, :]
        x_bar = (h_bar - mean(h_bar) - h * self.average(h * h_bar)) / std
        theta_bar = self.layout.pack(gain=(y_bar * h).sum(-2), shift=y_bar.sum(-2))
        return theta_bar, x_bar

    def average(self, a):
        return mean(a)


class Broken(LayerNorm):
    """The same with n - 1 in the gradient of the standard deviation."""

    def average(self, a):
        return a.sum(-1, keepdims=True) / (self.n - 1)


def main(n=N, n_rows=R, seed=0):
    """Checks both; returns the report of the right layer and the message of the broken
    one."""
    report = check_map(LayerNorm(n), (n_rows, n), seed=seed)
    print(f"{report}\n")
    try:
        check_map(Broken(n), (n_rows, n), seed=seed)
    except LawBroken as error:
        print(error)
        return report, str(error)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the same: it is quick")
    main(seed=parser.parse_args().seed)
