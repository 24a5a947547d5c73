"""What laws are made of: the nests that they open, the luck that they deal, the ranks and shares by
which an observation is judged, and the ends that a learner's data are given."""
import ast
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from minimeta.testing.luck import EqualLuck, element, names_of, varies
from minimeta.testing.nests import CouldNotLook, attributes, leaves, of_floats, rebuild
from minimeta.testing.task_form import going_on, same
from minimeta.testing.task_number import correlation, ranked, share_told, standard, varied

RNG = np.random.default_rng(0)


# ---- nests

class Pair(NamedTuple):
    one: np.ndarray
    other: object


@dataclass(frozen=True)
class Squared:
    side: np.ndarray
    later: object = field(init=False)

    @cached_property
    def area(self):
        return self.side ** 2


class Open:
    def __init__(self):
        self.a, self.words = np.ones(3), "words"


NESTS = {
    "numbers": ([True, 2, 3.5, 4j, np.float32(5), np.bool_(False)], [1, 1, 1, 1, 1, 1]),
    "what holds none": (("words", b"bytes", None, int, np.dtype(float), np), []),
    "a named tuple": (Pair(np.ones(2), [np.ones(3)]), [2, 3]),
    "a dict in its order": ({"b": np.ones(2), "a": np.ones(4)}, [2, 4]),
    "a dataclass, of whose fields one is not set": (Squared(np.ones(5)), [5]),
    "an object": (Open(), [3]), "a name space": (SimpleNamespace(a=np.ones(2), b=1.0), [2, 1]),
    "a generator of random numbers": (np.random.default_rng(0), [])}


@pytest.mark.parametrize("name", NESTS)
def test_the_leaves_of_a_nest_are_found_and_rebuilt(name):
    nest, sizes = NESTS[name]
    assert [leaf.size for leaf in leaves(nest)] == sizes
    again = rebuild(lambda array: array + 1, nest)
    assert type(again) is type(nest) and [leaf.size for leaf in leaves(again)] == sizes
    for before, after in zip(leaves(nest), leaves(again)):
        assert np.all(after == before + before.ndim.__bool__())   # arrays alone are given


def test_a_cached_property_is_not_kept_in_what_is_rebuilt():
    squared = Squared(np.array([1.0, 2.0]))
    assert squared.area.tolist() == [1, 4]
    assert rebuild(lambda a: 3 * a, squared).area.tolist() == [9, 36] and "area" in vars(squared)


def test_what_has_no_attributes_raises_CouldNotLook():
    assert attributes(Open()).keys() == {"a", "words"}
    for closed in ((lambda x: x), [].append, len, iter(()), {1.0}):
        with pytest.raises(CouldNotLook, match="cannot be opened to see the arrays in it"):
            leaves([closed])


def test_an_object_whose_fields_are_those_of_no_named_tuple_is_left_alone():
    node = ast.parse("x + 1")
    assert type(rebuild(lambda a: a, {"node": node})["node"]) is ast.Module


def test_whole_numbers_and_truths_are_left_alone():
    double = of_floats(lambda array: 2 * array)
    for array, factor in ((np.ones(2), 2), (1j * np.ones(2), 2), (np.ones(2, np.float32), 2),
                          (np.ones(2, int), 1), (np.ones(2, bool), 1), (np.ones(2, np.uint8), 1)):
        assert np.array_equal(double(array), factor * array)


# ---- equal luck

def test_one_draw_is_given_to_all():
    for draw in (lambda rng, n: rng.random((n, 3)), lambda rng, n: rng.normal(2.0, 3.0, n),
                 lambda rng, n: rng.choice(5, n), lambda rng, n: rng.choice(5, size=(n, 2)),
                 lambda rng, n: rng.integers(1, 9, size=n)):
        many = draw(EqualLuck(0), 7)
        assert np.all(many == many.ravel()[0])
        assert draw(EqualLuck(0), 1).ravel()[0] == many.ravel()[0]


def test_a_choice_without_replacement_is_a_choice_among_all():
    drawn = EqualLuck(0).choice(6, 6, replace=False)
    assert sorted(drawn) == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(drawn, np.random.default_rng((0, 1)).choice(6, 6, replace=False))
    assert np.array_equal(drawn, EqualLuck(0).choice(6, 6, False))


def test_one_vector_is_given_to_all_and_each_has_its_own_parameters():
    drawn = EqualLuck(3).dirichlet(np.array([1.0, 2.0, 3.0]), 5)
    assert drawn.shape == (5, 3) and np.all(drawn == drawn[0]) and len(set(drawn[0])) == 3
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]])
    n = EqualLuck(3).multinomial(400, p)
    assert n.shape == (3, 2) and np.array_equal(n[0], n[2]) and n[1, 0] > 330 > n[0, 0]
    assert np.array_equal(EqualLuck(3).multinomial(400, p[1:2])[0], n[1])
    for drawn in (EqualLuck(3).multinomial(np.array([4, 400, 4]), p[0]),
                  EqualLuck(3).multinomial(np.array([4, 400, 4]), pvals=p[0])):
        assert drawn.sum(-1).tolist() == [4, 400, 4] and np.array_equal(drawn[0], drawn[2])
    normal = EqualLuck(3).multivariate_normal(np.array([1.0, 2.0]), np.eye(2), 4)
    assert normal.shape == (4, 2) and np.all(normal == normal[0])
    drawn = EqualLuck(3).multivariate_hypergeometric([30, 40, 50], 20, 6)
    assert drawn.shape == (6, 3) and np.all(drawn == drawn[0]) and drawn[0].sum() == 20


def test_each_element_has_parameters_of_its_own_and_equal_luck():
    mean, spread = np.arange(4.0)[:, None], np.array([1.0, 10.0, 100.0])
    drawn = EqualLuck(0).normal(mean, scale=spread, size=(4, 3))
    luck = drawn[0, 0]
    assert np.array_equal(EqualLuck(0).normal(np.arange(4.0), size=4), np.arange(4) + luck)
    assert np.allclose(drawn, mean + spread * luck, rtol=1e-12) and luck != 0


def test_the_size_and_options_may_be_given_by_position():
    mean = np.arange(5.0)
    drawn = EqualLuck(0).normal(mean, 1, size=5)
    assert np.array_equal(EqualLuck(0).normal(mean, 1, 5), drawn) and drawn[0] != 0
    assert np.allclose(drawn - drawn[0], mean, rtol=0, atol=1e-12)
    low = np.array([0, 100, 200])
    drawn = EqualLuck(0).integers(low, low + 2, 3, np.int32, True)
    assert drawn.dtype == np.int32 and np.array_equal(drawn - drawn[0], low)
    n = EqualLuck(3).multinomial(np.array([4, 400]), [0.5, 0.5], 2)
    assert n.sum(-1).tolist() == [4, 400]


def test_a_list_of_parameters_gives_the_same_draws_as_an_array():
    drawn = EqualLuck(0).normal([0.0, 10.0, 20.0], 1)
    assert np.array_equal(drawn, EqualLuck(0).normal(np.array([0.0, 10.0, 20.0]), 1))
    assert np.allclose(drawn - drawn[0], [0, 10, 20], rtol=0, atol=1e-12)
    n = EqualLuck(3).multinomial(400, [[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]])
    assert np.array_equal(n[0], n[2]) and n[1, 0] > 330 > n[0, 0]
    drawn = EqualLuck(3).dirichlet([1.0, 2.0, 3.0], 5)
    assert np.all(drawn == drawn[0]) and len(set(drawn[0])) == 3


def test_a_choice_among_rows_or_columns_gives_whole_ones():
    a = np.arange(12).reshape(4, 3)
    first = EqualLuck(0).choice(a, 1)[0]
    assert first.tolist() in a.tolist()
    assert EqualLuck(0).choice(a, 5).tolist() == [first.tolist()] * 5
    assert EqualLuck(0).choice(a.T, (2, 5), axis=-1).tolist() == np.broadcast_to(
        first[:, None, None], (3, 2, 5)).tolist()
    assert EqualLuck(0).choice(a).tolist() in a.tolist()


def test_an_array_to_write_to_is_filled_with_equal_luck():
    for draw in (lambda rng, out: rng.random(4, np.float32, out),
                 lambda rng, out: rng.standard_gamma([2.0] * 4, dtype=np.float32, out=out)):
        out = np.zeros(4, np.float32)
        assert draw(EqualLuck(0), out) is out and out[0] > 0 and np.all(out == out[0])
    assert EqualLuck(0).random(0).shape == EqualLuck(0).normal(np.ones((0, 2))).shape[:1] == (0,)


def test_methods_without_equal_luck_draw_as_usual():
    for draw in (lambda rng: rng.permutation(9).tolist(),
                 lambda rng: rng.permuted(np.arange(9)).tolist()):
        assert draw(EqualLuck(3)) == draw(np.random.default_rng(3)) != draw(EqualLuck(4))


def test_bytes_repeat_four():
    drawn = EqualLuck(3).bytes(11)
    assert drawn == (drawn[:4] * 3)[:11] and EqualLuck(3).bytes(6) == drawn[:6]
    assert len(set(drawn)) > 1 and drawn != EqualLuck(4).bytes(11)


def test_generators_that_are_spawned_have_equal_luck():
    rng = EqualLuck(3)
    one, other, third = rng.spawn(3)
    drawn = one.random(5)
    assert np.array_equal(other.random(5), drawn) and np.all(drawn == drawn[0])
    assert one.random() == other.random() != drawn[0] and third.random() == drawn[0]
    assert rng.spawn(1)[0].random() != drawn[0] != EqualLuck(4).spawn(1)[0].random()
    same = EqualLuck(3, by_call=False)
    first, again = same.spawn(1)[0], same.spawn(1)[0]
    assert first.random() == first.random() == again.random()


def test_the_names_of_arguments_are_those_of_numpy():
    assert names_of(np.random.Generator.random) == ["size", "dtype", "out"]
    assert names_of(np.random.Generator.hypergeometric) == ["ngood", "nbad", "nsample", "size"]
    assert names_of(np.random.Generator.multivariate_hypergeometric) == [
        "colors", "nsample", "size", "method"]
    assert names_of(np.random.Generator.choice)[:3] == ["a", "size", "replace"]


def test_calls_have_luck_of_their_own_or_all_the_same():
    one, other = EqualLuck(5), EqualLuck(5, by_call=False)
    assert one.random() != one.random() and other.random() == other.random()
    assert EqualLuck(5).random() != EqualLuck(6).random()
    assert EqualLuck(5).random(3).tolist() == [EqualLuck(5).random()] * 3


def test_ten_thousand_draws_are_allowed_and_no_more():
    rng = EqualLuck(0)
    rng.n_calls = 9_999
    rng.random()
    with pytest.raises(RuntimeError, match="more than 10000 draws"):
        rng.random()


def test_a_parameter_varies_if_it_has_more_axes_than_a_draw():
    assert varies(np.ones(2), 0) and not varies(np.ones(2), 1) and varies(np.ones((2, 3)), 1)
    assert not varies(2.0, 0) and varies([1.0, 2.0], 0) and not varies([1.0, 2.0], 1)
    assert element(np.arange(3.0), 0, (2, 3), (1, 2)) == 2
    assert element(np.arange(6.0).reshape(2, 3), 1, (4, 2), (3, 1)).tolist() == [3, 4, 5]
    assert element([6.0, 7.0, 8.0], 0, (4, 3), (3, 1)) == 7


# ---- what an observation tells

def test_ranks_lie_between_minus_1_and_1_and_ties_share_theirs():
    a = np.array([[5.0, 1.0], [7.0, 1.0], [9.0, 1.0], [7.0, 1.0]])
    ranks = np.array([[-0.75, 0], [0, 0], [0.75, 0], [0, 0]])
    assert np.allclose(ranked(a), np.concatenate([ranks, ranks ** 2], 1), rtol=0, atol=1e-15)
    many = ranked(RNG.normal(size=(1000, 1)))
    assert np.allclose(np.sort(many[:, 0]), (2 * np.arange(1000) + 1) / 1000 - 1)


def test_a_column_counts_if_twenty_numbers_differ_from_the_most_common():
    few, enough = (np.arange(60) < n for n in (19, 20))
    a = np.stack([few, enough, ~few, ~enough, np.arange(60) % 3], 1)
    assert np.array_equal(varied(a), a[:, [1, 3, 4]])
    assert varied(np.zeros((60, 2))).shape == (60, 0)


def test_columns_have_the_mean_and_spread_of_the_first_half():
    a = np.array([[1.0, 4.0], [3.0, 4.0], [5.0, 9.0]])
    assert standard(a, 2).tolist() == [[-1, 0], [1, 0], [3, 5]]


def test_the_correlation_of_columns_is_that_of_the_textbook():
    x, y = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 3))
    true = np.corrcoef(x.T, y.T)[:2, 2:]
    assert np.allclose(correlation(x, y), true, rtol=1e-12)
    assert not correlation(x, np.ones((50, 1))).any()


N = 1000
SIGN = np.resize([1.0, -1.0], N)                      # balanced in each half
LATER = np.where(np.arange(N) < N // 2, 1.0, -1.0)
NOISE = RNG.normal(size=(N, 150))


def with_noise(column):
    return np.concatenate([NOISE, column[:, None]], 1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("strength", [0.8, 5.0])
def test_a_number_that_an_observation_shows_faintly_is_found_whichever_its_sign(sign, strength):
    hidden = RNG.normal(size=(N, 1))
    obs = with_noise(sign * strength * hidden[:, 0] + RNG.normal(size=N))
    told = share_told(obs, hidden)
    true = strength ** 2 / (1 + strength ** 2)          # the squared correlation
    assert 0.6 * true < told < 1.15 * true


def test_what_holds_in_one_half_of_the_tasks_alone_is_a_coincidence():
    assert share_told(SIGN[:, None], (SIGN * LATER)[:, None]) == 0
    for sign in (1, -1):
        for when in (LATER, -LATER):
            other = np.where(when > 0, SIGN, sign * np.sign(NOISE[:, 0]))
            assert share_told(SIGN[:, None], other[:, None]) < 0.3
    assert share_told(SIGN[:, None], SIGN[:, None]) == pytest.approx(1)


def test_a_number_that_shows_in_a_square_or_a_sum_is_found():
    hidden = RNG.normal(size=(N, 1))
    assert share_told(np.abs(hidden) + 0.01 * NOISE[:, :1], hidden) > 0.5    # by its square
    total = np.concatenate([NOISE[:, :4], NOISE[:, :4].sum(1, keepdims=True) + hidden], 1)
    assert share_told(total, hidden) > 0.9
    assert share_told(NOISE[:, :4] * [1, 1, 1, 0], hidden) < 0.1


def test_a_constant_shows_nothing():
    assert share_told(NOISE[:, :3], np.zeros((N, 2))) == 0
    assert share_told(np.ones((N, 2)), RNG.normal(size=(N, 2))) < 0.1


def test_a_row_that_is_done_begins_again_whatever_the_shape_of_a_state():
    done = np.array([[True, False, False], [False, False, True]])
    for core in ((), (4,), (4, 5)):
        first, state = np.zeros((2, 3) + core), np.ones((2, 3) + core)
        assert np.array_equal(going_on(state, done, first).any(tuple(range(2, 2 + len(core)))),
                              ~done)
        assert going_on(state, np.zeros((2, 3), bool), first) is state


def test_more_arrays_are_not_the_same_as_fewer():
    one = [np.ones(2), np.array([np.nan, 1])]
    assert same(one, [a.copy() for a in one]) and not same(one, [np.ones(2), np.ones(2)])
    with pytest.raises(ValueError):
        same(one, one[:1])
