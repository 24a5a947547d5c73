"""Gittins indices against a second definition: the best ratio of what a stopping rule
earns to the time it takes, which the restart-in-state problem of Katehakis and Veinott
(1987) finds without any calibration."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import betaincc

from minimeta.exact import gittins
from minimeta.exact.gittins import (_band, _calibrate, _checked, _incomes, _tighten,
                                    gittins_index, gittins_table)

INSIDE = np.add.outer(range(13), range(13)) <= 12


def restart_index(s, f, discount, levels, sweeps=2000):
    """(1 - discount) times the value at (s, f) of an arm that may always be put back to
    (s, f), on a triangle that ends in pulling for ever: value iteration, arm by arm."""
    def m(i, n):
        return (s + i + 1) / (s + f + n + 2)

    start = m(0, 0) / (1 - discount)
    for _ in range(sweeps):
        V = [max(start, m(i, levels) / (1 - discount)) for i in range(levels + 1)]
        for n in range(levels - 1, -1, -1):
            go = [m(i, n) + discount * (m(i, n) * V[i + 1] + (1 - m(i, n)) * V[i])
                  for i in range(n + 1)]
            V = [max(start, x) for x in go]
        change, start = abs(go[0] - start), go[0]
        if change < 1e-11:
            break
    return (1 - discount) * start


@pytest.mark.parametrize("s, f, discount, index", [
    (0, 0, .5, .55902), (0, 0, .7, .6046), (0, 0, .9, .70289), (0, 0, .95, .76143),
    (0, 0, .99, .86986),
])
def test_the_index_is_the_one_computed_elsewhere_to_five_places(s, f, discount, index):
    assert abs(gittins_index(s, f, discount) - index) < 6e-6


@pytest.mark.parametrize("s, f, discount, levels", [
    (0, 0, .5, 30), (2, 1, .5, 30), (0, 0, .7, 60), (1, 4, .7, 60), (2, 1, .8, 80),
    (5, 0, .6, 40), (0, 7, .6, 40),
])
def test_the_index_is_that_of_the_restart_problem(s, f, discount, levels):
    restart = restart_index(s, f, discount, levels)
    assert abs(gittins_index(s, f, discount) - restart) < 1e-6
    assert abs(gittins_index(s, f, discount, tolerance=1e-9) - restart) < 1e-8


def test_a_discount_towards_zero_leaves_the_mean_and_the_worth_of_one_look_ahead():
    # After one success the mean is m', so to first order in the discount
    # nu = m + discount m (m' - m): nothing is gained by going on after a failure.
    s, f = np.array([0, 3, 1]), np.array([0, 1, 6])
    m, up = (s + 1) / (s + f + 2), (s + 2) / (s + f + 3)
    index = gittins_index(s, f, 1e-4, tolerance=1e-9)
    assert abs((index - m) / (1e-4 * m * (up - m)) - 1).max() < 1e-3


def test_an_arm_well_known_is_worth_its_mean():
    index = gittins_index(20_000, 10_000, .9)
    assert 0 < index - 20_001 / 30_002 < 1e-4


def test_a_discount_towards_one_makes_an_unknown_arm_worth_trying_at_almost_any_price():
    index = [gittins_index(0, 0, d, tolerance=1e-4) for d in (.9, .99, .995, .998)]
    assert (np.diff(index) > 0).all() and .92 < index[-1] < 1


def test_the_index_rises_with_successes_and_falls_with_failures():
    table = gittins_table(12, 0.8)
    up, down = np.diff(table, axis=0), np.diff(table, axis=1)
    assert (up[INSIDE[1:]] > 0).all() and (down[INSIDE[:, 1:]] < 0).all()


def test_the_index_is_above_the_mean_and_less_so_the_more_is_known():
    table = gittins_table(12, 0.8)
    s, f = np.indices(table.shape)
    extra = (table - (s + 1) / (s + f + 2)).diagonal()[:7]
    assert (extra > 0).all() and (np.diff(extra) < 0).all()


@settings(max_examples=15, deadline=None)
@given(s=st.integers(0, 30), f=st.integers(0, 30), low=st.floats(.02, .95))
def test_the_index_rises_with_the_discount(s, f, low):
    assert gittins_index(s, f, low) < gittins_index(s, f, low + .03) + 1e-6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), discount=st.sampled_from([.3, .8, .93]))
def test_arms_asked_together_get_the_index_they_get_alone(seed, discount):
    # together they share one triangle, whose root is none of them
    s, f = np.random.default_rng(seed).integers(60, size=(2, 5))
    alone = [gittins_index(*arm, discount) for arm in zip(s, f)]
    assert abs(gittins_index(s, f, discount) - alone).max() < 1e-6


@pytest.mark.parametrize("s, f", [(5, 3), (1, 9), (0, 20)])
def test_an_arm_alone_gets_to_the_tolerance_what_it_gets_beside_an_arm_that_nobody_knows(s, f):
    alone, beside = gittins_index(s, f, .97, 1e-7), gittins_index([0, s], [0, f], .97, 1e-7)
    assert abs(alone - beside[1]) < 1e-7


def test_no_arms_have_no_index():
    assert gittins_index(np.zeros((0, 3), int), np.zeros(3, int), .9).shape == (0, 3)


@pytest.mark.parametrize("s, f", [(13, 59), (16, 54)])
def test_the_search_ends_where_a_bound_is_the_index_itself_to_rounding(s, f):
    # there is no kink below the root, so that the first chord that is taken meets it
    assert 0 < gittins_index(s, f, .93) - (s + 1) / (s + f + 2) < .05


def test_a_finer_tolerance_stays_within_the_coarser_one():
    s, f = np.indices((6, 6))
    coarse, fine = (gittins_index(s, f, .9, tolerance) for tolerance in (1e-3, 1e-8))
    assert abs(coarse - fine).max() < 5.1e-4


def test_the_table_is_the_index_of_each_of_its_arms_and_nan_beyond():
    table = gittins_table(12, 0.8)
    assert np.isnan(table[~INSIDE]).all() and not np.isnan(table[INSIDE]).any()
    s, f = np.array([(0, 0), (12, 0), (0, 12), (5, 7), (3, 2)]).T
    assert abs(table[s, f] - gittins_index(s, f, .8, 1e-8)).max() < 1e-6


def test_a_long_table_at_a_high_discount_is_right_at_its_corners():
    table = gittins_table(40, .97)
    s, f = np.array([(0, 0), (40, 0), (0, 40), (20, 20), (1, 30)]).T
    alone = [gittins_index(*arm, .97, 1e-8) for arm in zip(s, f)]
    assert abs(table[s, f] - alone).max() < 1e-6


def test_the_extreme_arms_of_a_long_table_are_right_where_the_index_bends_most():
    table = gittins_table(60, .9)
    s, f = np.array([(60, 0), (59, 0), (0, 60), (58, 1)]).T
    assert abs(table[s, f] - gittins_index(s, f, .9, 1e-8)).max() < 1e-6


def test_counts_broadcast_and_one_arm_gives_one_number():
    index = gittins_index(np.arange(3)[:, None], np.arange(4), .5)
    assert index.shape == (3, 4)
    alone = gittins_index(1, 2, .5)
    assert isinstance(alone, float) and abs(index[1, 2] - alone) < 1e-6
    assert gittins_index(np.zeros(0, int), 0, .5).shape == (0,)


@pytest.mark.parametrize("s, f, discount, error, says", [
    (-1, 0, .9, ValueError, "successes must be at least 0, got -1"),
    (0, [2, -3], .9, ValueError, "failures must be at least 0, got -3"),
    (0.5, 0, .9, TypeError, "successes must be whole numbers, got dtype float64"),
    (0, 0, 1.0, ValueError, r"discount must be a finite number in \(0, 1\), got 1.0"),
    (0, 0, 0, ValueError, r"discount must be a finite number in \(0, 1\), got 0"),
    (0, 0, "x", TypeError, "discount must be a number, got 'x'"),
    (0, 0, .99999, ValueError, "discount must be at most 0.9999, got 0.99999"),
])
def test_arguments_that_cannot_be_are_refused_with_the_reason(
        s, f, discount, error, says):
    with pytest.raises(error, match=says):
        gittins_index(s, f, discount)


def test_a_table_of_no_pulls_or_no_tolerance_is_refused():
    with pytest.raises(ValueError, match="pulls must be at least 1, got 0"):
        gittins_table(0, .9)
    with pytest.raises(ValueError, match="tolerance must be a finite number"):
        gittins_table(3, .9, tolerance=0)


def test_the_largest_discount_and_the_least_tolerance_are_themselves_allowed():
    assert _checked(0.9999, 1e-9) == (0.9999, 1e-9)
    for discount, tolerance, name in ((0.99991, 1e-6, "discount"), (0.9, 0.9e-9, "tolerance"),
                                      (0.9, 1.01, "tolerance")):
        with pytest.raises(ValueError, match=f"{name} must be"):
            _checked(discount, tolerance)


@pytest.mark.parametrize("low", [0.3, 0.5])
def test_what_lies_outside_of_the_band_hardly_counts(low, monkeypatch):
    s, f, nu = np.array([0, 3, 1, 20, 60]), np.array([0, 1, 6, 8, 60]), low + 0.01 * np.arange(3)
    band = gittins._ahead(s, f, 0.99, nu, 500)
    monkeypatch.setattr(gittins, "SPREAD", 1000)
    for one, whole in zip(band, gittins._ahead(s, f, 0.99, nu, 500)):
        assert np.abs(one - whole).max() < 1e-11


def test_an_arm_off_the_band_is_told_from_the_incomes_by_its_sign(monkeypatch):
    nu = np.array([0.49, 0.5, 0.51])
    first, stop = _band(0, 500, 500, nu)
    s = np.array([0, stop, first - 1])  # in the band, just above it and just below it
    f = np.array([0, 500 - stop, 501 - first])
    band = gittins._ahead(s, f, 0.9, nu, 30)
    monkeypatch.setattr(gittins, "SPREAD", 1000)
    for one, whole in zip(band, gittins._ahead(s, f, 0.9, nu, 30)):
        assert np.abs(one - whole)[:2].max() < 1e-9
        assert (one[2] < 0).all() and (whole[2] < 0).all()


def by_recursion(s, f, discount, nu, N, told):
    """Q of an arm, where after N pulls V is that of one who is told p, or else of one who
    pulls for ever or never."""
    s, f = int(s), int(f)
    i = np.arange(s, N - f + 1.0)[:, None]                     # successes after N pulls
    a, b, m = i + 1, N - i + 1, (i + 1) / (N + 2)
    known = m * betaincc(a + 1, b, nu) - nu * betaincc(a, b, nu)     # E[max(0, p - nu)]
    V = (known if told else np.maximum(0, m - nu)) / (1 - discount)
    for n in reversed(range(s + f, N)):
        m = np.arange(s + 1.0, s + 2 + n - s - f)[:, None] / (n + 2)
        Q = m - nu + discount * (m * V[1:] + (1 - m) * V[:-1])
        V = np.maximum(0, Q)
    return Q[0]


@pytest.mark.parametrize("s, f", [([2], [1]), ([0, 4, 1], [3, 0, 2])])
def test_the_sweep_of_the_triangle_is_the_plain_recursion(s, f):
    s, f, nu, depth = np.array(s), np.array(f), np.array([0.21, 0.4, 0.47, 0.66]), 30
    bounds = gittins._ahead(s, f, 0.9, nu, depth)
    N = depth + (s + f).max()
    for told, bound in zip((False, True), bounds):
        for k in range(len(s)):
            plain = by_recursion(s[k], f[k], 0.9, nu, N, told)
            assert np.abs(bound[k] - plain).max() < 1e-11
    assert (bounds[0] <= bounds[1]).all() and (bounds[0] < bounds[1]).any(-1).all()


def plain_Q(s, f, discount, nu, told):
    return np.array([by_recursion(*arm, discount, nu[[k]], sum(arm) + 400, told)[0]
                     for k, arm in enumerate(zip(s, f))])


@pytest.mark.parametrize("discount", [0.3, 0.8, 0.95])
@pytest.mark.parametrize("tolerance", [1, 0.1, 1e-2, 1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("s, f", [
    ([0, 4, 1, 30], [3, 0, 2, 60]), ([2], [2]), ([0], [90]), ([90], [0]),
    (list(range(9)) * 2, [0] * 9 + [5] * 9)])
def test_the_index_is_within_bounds_that_are_as_near_as_asked(s, f, tolerance, discount):
    s, f = np.array(s), np.array(f)
    low, high = _calibrate(s, f, discount, tolerance)
    assert (high - low <= tolerance).all()
    assert (plain_Q(s, f, discount, low, told=False) > -1e-9).all()
    assert (plain_Q(s, f, discount, high, told=True) < 1e-9).all()


@pytest.mark.parametrize("level", [0, 3, 40, 400])
@pytest.mark.parametrize("s0, n0", [(0, 0), (0, 2), (7, 10)])
@pytest.mark.parametrize("nu", [[0.1, 0.2, 0.4], [0.5, 0.55], [0.01, 0.98]])
def test_the_band_has_the_rows_whose_mean_is_within_seven_standard_deviations(
        nu, s0, n0, level):
    n, row = n0 + level, np.arange(level + 1)
    m, off = (s0 + row + 1) / (n + 2), 7 * np.sqrt(0.25 / (n + 3))
    near = row[(m >= nu[0] - off) & (m <= nu[-1] + off)]
    start, stop = _band(s0, n, level, np.array(nu))
    assert near.tolist() == list(range(start, stop))


def test_counts_of_few_bits_do_not_overflow():
    s, f = np.array([200, 3], np.uint8), np.array([100, 250], np.uint8)
    assert (gittins_index(s, f, 0.5) == gittins_index(s.astype(int), f.astype(int), 0.5)).all()


@pytest.mark.parametrize("low, high", [(0.31, 0.8), (0.3, 0.81), (0.01, 0.5), (0.44, 0.999)])
def test_incomes_stand_close_around_the_bounds_and_at_the_middle_of_an_arm(low, high):
    nu = _incomes(np.array([low]), np.array([high]), 64)
    assert np.abs(64 * nu - np.round(64 * nu)).max() < 1e-12 and 0 < nu[0] and nu[-1] < 1
    assert nu[0] == 1 / 64 or low - 1.5 / 64 < nu[0] < low
    assert nu[-1] == 63 / 64 or high < nu[-1] < high + 1.5 / 64
    assert len(nu) == 3 and abs(nu[1] - (low + high) / 2) <= 0.5 / 64
    beside = _incomes(np.array([low, 0.2, 0.2]), np.array([high, 0.6, 0.6]), 64)
    assert set(nu) < set(beside) and (np.diff(beside) > 0.99 / 64).all() and len(beside) == 6


@pytest.mark.parametrize("G", [3, 4, 7])
def test_a_straight_line_meets_0_where_either_bound_says(G):
    nu = np.linspace(0.3, 0.6, G)
    root = np.concatenate([nu[:-1] + 0.01, [0.25, 0.65]])
    Q = np.arange(1.0, 2 + G)[:, None] * (root[:, None] - nu)
    low, high = _tighten(np.zeros(G + 1), np.ones(G + 1), nu, Q, Q)
    inside = (root > nu[0]) & (root < nu[-1])
    assert np.abs(low - root).max() < 1e-12
    assert np.abs(high - np.where(inside, root, 1)).max() < 1e-12
    same = _tighten(root + 0.001, root - 0.001, nu, Q, Q)   # better ones are kept
    assert np.array_equal(same, [root + 0.001, root - 0.001])


@pytest.mark.parametrize("gap", [0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_bounds_of_a_curve_that_bends_are_beyond_its_roots(seed, gap):
    rng = np.random.default_rng(seed)
    p, slope, level = rng.random((40, 1, 6)), *rng.uniform(0.1, 0.5, (2, 40, 1))

    def curve(nu):          # convex and decreasing
        return np.maximum(0, p - nu[..., None]).sum(-1) - level - slope * nu

    def root(gap):          # by halving
        left, right = np.full((40, 1), -9.0), np.full((40, 1), 9.0)
        for _ in range(60):
            middle = (left + right) / 2
            is_left = curve(middle) + gap > 0
            left, right = np.where(is_left, middle, left), np.where(is_left, right, middle)
        return left[:, 0]

    nu = np.sort(rng.uniform(0.2, 0.8, 6))
    low, high = _tighten(np.full(40, -9.0), np.full(40, 9.0), nu, curve(nu) - gap, curve(nu) + gap)
    assert (low < root(-gap) + 1e-12).all() and (high > root(gap) - 1e-12).all()
    i, j = ((curve(nu) + g > 0).sum(-1) - 1 for g in (-gap, gap))
    inside = (j >= 0) & (j < 5)
    assert (low > -9).all() and (low >= nu[i])[i >= 1].all() and (i >= 2).sum() > 3
    assert (high < nu[np.minimum(j + 1, 5)])[inside].all() and inside.sum() > 3
