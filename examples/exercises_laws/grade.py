"""How answers are graded: by their laws, one after the other, up to the first that is
broken. And what the laws are made of."""
import inspect

import numpy as np

from minimeta import Layout
from minimeta.testing import complex_step, tangent

EXERCISES = {}                # name -> its laws, in the order of the chapters
EXACT, ROUND = 1e-12, 1e-9    # gates: of one operation, of many


def exercise(laws):
    """Enters a function of laws. Its arguments have the names of the answers that it
    grades; it yields (law in words, error, gate), the most basic law first."""
    EXERCISES[laws.__name__] = laws
    return laws


def grade(name, answers):
    """The verdict on one exercise: "solved", "to do", or what the first broken law
    says. `answers` is a dict that holds the functions by name.
    """
    laws = EXERCISES[name]
    given = [answers[argument] for argument in inspect.signature(laws).parameters]
    words = "called for the first time"
    try:
        with np.errstate(all="ignore"):
            for words, error, gate in laws(*given):
                if not error <= gate:
                    return f"broken: {words}\n{error}"
    except NotImplementedError:
        return "to do"
    except Exception as error:  # whatever a wrong answer may raise
        return f"stopped after: {words}\n{type(error).__name__}: {error}"
    return "solved"


def main(answers, names=()):
    """Prints the verdicts; returns {name: verdict}."""
    unknown = set(names) - set(EXERCISES)
    if unknown:
        raise SystemExit(f"names must be of {', '.join(EXERCISES)}; got "
                         f"{', '.join(unknown)}")
    verdicts = {name: grade(name, answers) for name in names or EXERCISES}
    for name, verdict in verdicts.items():
        number = list(EXERCISES).index(name) + 1
        print(f"{number:2}  {name:20}" + verdict.replace("\n", "\n" + 24 * " "))
    n_solved = list(verdicts.values()).count("solved")
    print(f"\n{n_solved} of {len(verdicts)} solved")
    return verdicts


# ---- what the laws are made of

def draws(seed, **shapes):
    """Arrays of normal numbers, by name."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def vjp_error(f, vjp, inputs, y_bars):
    """A transpose against the complex step of  sum <y_bar, y>,  y = f(*inputs).

    f       returns a list of arrays, as y_bars is
    vjp     of the inputs -> the _bar of each
    inputs  name -> array
    """
    layout = Layout(**{name: x.shape for name, x in inputs.items()})

    def value(z):
        return sum((y_bar * y).sum() for y_bar, y in zip(y_bars, f(*layout.unpack(z))))

    def grad(z):
        return layout.pack(**dict(zip(inputs, vjp(*layout.unpack(z)))))

    return complex_step(value, grad, layout.pack(**inputs), name=layout.name)


def tangent_errors(f, f_dot, inputs, names):
    """A tangent along each input alone, against the complex step of f: pairs of words
    and error. Alone, since then a missing term of the product rule shows where it is.

    f, f_dot  of (*inputs), of (*inputs, *inputs_dot) -> arrays that are called `names`
    """
    outputs = Layout(**{name: y.shape for name, y in zip(names, f(*inputs.values()))})
    layout = Layout(**{name: x.shape for name, x in inputs.items()})
    v = draws(1, **{name: x.shape for name, x in inputs.items()})
    for name in inputs:
        alone = {other: v[other] * (other == name) for other in inputs}
        yield f"along {name}_dot alone", tangent(
            lambda z: outputs.pack(**dict(zip(names, f(*layout.unpack(z))))),
            lambda z, z_dot: outputs.pack(**dict(zip(
                names, f_dot(*layout.unpack(z), *layout.unpack(z_dot))))),
            layout.pack(**inputs), layout.pack(**alone), name=outputs.name)


def softmax(u):
    return np.exp(u) / np.exp(u).sum(-1, keepdims=True)


def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))
