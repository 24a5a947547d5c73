"""Names the likely mistake in a broken map, by trying the mistakes that people make.

The true derivative is a sum of parts. The gap between claim and truth is compared with
each of them:

    a tangent            one part for each block of theta, and one for x
    a gradient           one part for each step, episode or column of the output
    a Hessian product    one part for each block, and one for y_bar_dot

    gap = -1 part: it is missing      gap = +1 part: it is counted twice

A gradient is also compared with those for outputs one place late, early, or reversed.
"""
import numpy as np

from .differences import complex_slope, nearest
from .hints import CLOSE, norm
from .nests import CouldNotLook

LARGEST = 800  # coordinates up to which parts of a gradient are worked out
UNSAFE = ("differences agree with the claim: the derivative is right, but the code is "
          "not complex-safe (abs, norm, conj, .real, a buffer of floats)")


def explain(probe, law):
    """The words for what broke a law of a map, or "" where nothing is recognised."""
    rule = {"tangent": of_tangent, "complex step": of_gradient, "second": of_second,
            "central difference": of_gradient, "transpose": of_gradient}.get(law)
    if rule is None:
        return ""
    key = rule.__name__   # several laws ask the same of one probe
    if key not in probe.explained:
        try:
            probe.explained[key] = rule(probe)
        except (CouldNotLook, AssertionError, ValueError, TypeError):
            probe.explained[key] = ""
    return probe.explained[key]


def of_tangent(p):
    claimed = p.y_dot(p.z, p.v)
    if agrees(p.y, p.z, p.v, claimed):
        return unsafe(p.y, p.z, p.v, claimed)
    true = complex_slope(p.y, p.z, p.v)[0]
    parts = {f"{block}_dot": complex_slope(p.y, p.z, v)[0] for block, v in by_block(p)}
    return part_of(claimed - true, parts)


def of_second(p):
    claimed = p.pull_dot(p.v, p.y_bar_dot)
    by_differences = p.slope_of_pull(p.v, p.y_bar_dot, claimed, nearest)
    true = p.slope_of_pull(p.v, p.y_bar_dot, claimed, complex_slope)
    if is_close(claimed, by_differences):
        return UNSAFE if not is_close(claimed, true) else ""
    parts = {f"{block}_dot": p.slope_of_pull(v, 0) for block, v in by_block(p)}
    parts["y_bar_dot"] = p.slope_of_pull(0, p.y_bar_dot)
    words = part_of(claimed - true, parts)
    return words or in_block(p, claimed - true, parts)


def of_gradient(p):
    claimed = p.grad(p.z)
    n = p.layout.size
    along = (claimed * p.v).sum(-1)
    if agrees(p.value, p.z, p.v, along) and agrees(p.value, p.z, p.u, (
            claimed * p.u).sum(-1)):
        return unsafe(p.value, p.z, p.v, along)
    if n > LARGEST:
        return ""
    J = np.stack([complex_slope(p.y, p.z, np.broadcast_to(e, p.z.shape))[0]
                  for e in np.eye(n)], -1)   # lead + core + [n]
    y_bar, first = p.y_bar(p.y(p.z)), len(p.lead)
    core = tuple(range(first, y_bar.ndim))
    names = [f"axis {name}" for name in p.sizes or range(len(core))]

    def gradient(y_bar):
        return (y_bar[..., None] * J).sum(core)

    true = gradient(y_bar)
    for axis, name in zip(core, names):
        for other, words in moved(y_bar, axis, name):
            if is_close(claimed, gradient(other)):
                return words
    parts = {f"what output {k} of {name} adds": gradient(only(y_bar, axis, k))
             for axis, name in zip(core, names) for k in range(y_bar.shape[axis])
             if y_bar.shape[axis] > 1}
    return part_of(claimed - true, parts) or in_block(p, claimed - true, parts) or (
        along_rows(p, claimed - true))


def by_block(p):
    """Directions in one block of theta, or in x, each."""
    for (block, _), start, stop in zip(p.layout.shapes, p.layout.offsets,
                                       p.layout.offsets[1:]):
        v = np.zeros_like(p.v)
        v[..., start:stop] = p.v[..., start:stop]
        yield block, v


def moved(y_bar, axis, name):
    """(cotangents, words) of mistakes along an axis."""
    yield np.flip(y_bar, axis), f"the outputs are taken in reverse along {name}"
    for by, word in ((1, "late"), (-1, "early")):
        rolled = np.roll(y_bar, by, axis)
        yield rolled, f"the outputs are one place {word} along {name}: off by one"
        edge = 0 if by > 0 else y_bar.shape[axis] - 1
        yield (rolled - only(rolled, axis, edge),
               f"the outputs are one place {word} along {name}: off by one")


def only(a, axis, k):
    """a where the index of an axis is k, else 0."""
    out, index = np.zeros_like(a), [slice(None)] * a.ndim
    index[axis] = k
    out[tuple(index)] = a[tuple(index)]
    return out


def part_of(gap, parts, where=""):
    """The words if the gap is a multiple of one part."""
    for name, part in parts.items():
        size = (part * part).sum()
        if not size:
            continue
        c = (gap * part).sum() / size
        if norm(gap - c * part) <= CLOSE * norm(gap):
            words = {-1: "is missing", 1: "is counted twice", -2: "has the wrong sign"}
            for whole, word in words.items():
                if abs(c - whole) < 1e-5:
                    return f"{name} {word}{where}"
            return f"{name} is taken {c + 1:.6g} times{where}"
    return ""


def in_block(p, gap, parts):
    """The same within the first block that is wrong."""
    for (block, _), start, stop in zip(p.layout.shapes, p.layout.offsets,
                                       p.layout.offsets[1:]):
        inside = np.s_[..., start:stop]
        if norm(gap[inside]) > CLOSE * norm(gap):
            return part_of(gap[inside], {name: part[inside] for name, part in
                                         parts.items()}, f" in {block}")
    return ""


def along_rows(p, gap):
    """The words if the gap in each row of x is constant, or a multiple of x or of x
    less its mean."""
    theta_gap, x_gap = p.split(gap)
    if norm(theta_gap) > CLOSE * norm(gap) or p.x.shape[-1] < 3:
        return ""
    candidates = {"the same for all of its columns": np.ones_like(p.x),
                  "a multiple of x": p.x,
                  "a multiple of x less its mean": p.x - p.x.mean(-1, keepdims=True)}
    for words, a in candidates.items():
        c = (x_gap * a).sum(-1, keepdims=True) / (a * a).sum(-1, keepdims=True)
        if norm(x_gap - c * a) <= CLOSE * norm(x_gap):
            return (f"claimed - true of each row of x is {words}: a term is missing or "
                    f"counted twice")
    return ""


def agrees(f, z, v, claimed):
    return is_close(claimed, nearest(f, z, v, claimed)[0])


def unsafe(f, z, v, claimed):
    """The words for a claim that is right by differences, if the complex step does not
    agree."""
    try:
        return "" if is_close(claimed, complex_slope(f, z, v)[0]) else UNSAFE
    except CouldNotLook:
        return UNSAFE


def is_close(claimed, true):
    return norm(claimed - true) <= CLOSE * max(norm(claimed), norm(true))
