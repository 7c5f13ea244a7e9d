"""From sums to samples: rounded once, exactly, whatever the type, and nothing else is touched."""

from __future__ import annotations

from fractions import Fraction
from math import floor, inf

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from hypothesis import given
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli import Image, Kernel, Spec, pipeline
from convcli.engine import Finish, Store, finish, native
from convcli.engine.bands import Storing
from convcli.engine.costs import block
from convcli.engine.finish import _NEAR_ROUNDING, _ROUNDING_LIMIT, Scale
from convcli.engine.structs import RowsInput, RowsScratch, RowsSizes
from convcli.errors import KernelError
from convcli.spec import Mapping

#: A level that marks what must not be written.
MARK = 77


def run_store(sums, rule, *, exact=True, largest=None):
    """Run the store loop that a rule chooses; its name, the levels, and what was seen."""
    sums = np.atleast_2d(sums)
    largest = float(np.abs(sums.astype(np.float64)).max()) if largest is None else largest
    name, numbers = rule.loop(sums.dtype, largest, exact)
    storing = Storing(numbers, rule.limits(sums.dtype))
    sizes = np.array(RowsSizes(*sums.shape), np.int64)
    acc = np.empty(sums.shape[1] + block(sums.dtype), dtype=sums.dtype)
    rest = np.empty(block(np.dtype(np.uint8)), dtype=rule.dtype)
    out = np.full(sums.size + 200, MARK, dtype=rule.dtype)
    types = (sums.dtype.name, rule.dtype.name, numbers.dtype.name)
    loop = native.load("store_rows", (name,), types)
    result = storing.result(out)
    given = RowsInput(sums, numbers, storing.limits, sizes)
    loop.bind(given, RowsScratch(acc, rest), result)()
    assert (out[sums.size :] == MARK).all(), "written beyond the result"
    return name, out[: sums.size].reshape(sums.shape), storing.seen(result)


def clip_to(depth, mapping, **numbers):
    """Return a rule for whole levels, whose source has as many."""
    depth = np.dtype(depth)
    return finish(Mapping(mapping), depth, scale=Scale(float(np.iinfo(depth).max)), **numbers)


def divisors(limit, rng):
    """Small divisors, powers of two and their neighbours, and some others."""
    powers = [2**k + d for k in range(1, 52) for d in (-1, 0, 1)]
    small, others = range(2, 40), rng.integers(2, limit, 20).tolist()
    return sorted({d for d in (*powers, *small, *others) if 1 < d < limit // 4})


@pytest.mark.parametrize("real", exhaustive_but(["float32"], ["float32", "float64"]))
@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
def test_rounding_is_right_at_and_around_every_half(real, mapping, rng):
    # The loop gets its numbers in either type; sums are float of the same type, all exact.
    limit = _ROUNDING_LIMIT[np.dtype(real)]
    for divisor in divisors(limit, rng):
        most = (limit - divisor - 1) // 2
        if real == "float32":
            most = min(most, 2**24)
        halves = [divisor * (2 * q + 1) // 2 for q in (0, 1, 2, 7, 126, 127, 128, 254, 255)]
        far = [most - k for k in range(4)] + rng.integers(0, most + 1, 30).tolist()
        halves += [(2 * (t // divisor) + 1) * divisor // 2 for t in far]
        sizes = {h + d for h in halves for d in (-1, 0, 1)} | set(far)
        sums = sorted({s * t for t in sizes for s in (1, -1) if 0 <= t <= most})
        assert max(sums) * 2 + divisor < limit
        check_rounding(sums, divisor, real, mapping)


def check_rounding(sums, divisor, real, mapping):
    """Run the store loop on exact sums and compare with Fractions."""
    rule = clip_to("uint16", mapping, slope=Fraction(1, divisor))
    responses = np.array(sums, dtype=real)
    assert responses.tolist() == sums  # nothing is lost on the way in
    expected = [oracle.mapped(Fraction(t, divisor), mapping, 65535) for t in sums]
    name, actual, _ = run_store(responses, rule)
    if mapping == "clip":
        assert name in ("store_near", "store_clipped")
    else:
        assert name == "store_rounded"
        assert rule.loop(responses.dtype, max(sums), exact=True)[1].dtype == real
    assert actual[0].tolist() == expected, f"divisor {divisor}"


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "uint16"]))
@pytest.mark.parametrize("real", ["float32", "float64"])
def test_levels_by_one_multiplication_are_right_around_every_half(depth, real, rng):
    # The greatest divisors that the proof allows, and such as have no finite binary fraction.
    top = int(np.iinfo(depth).max)
    for shift in (Fraction(0), Fraction(-100), Fraction(top, 3)):
        most = int(_NEAR_ROUNDING[real] / (4 * (top + 2 * abs(shift) + 3) * shift.denominator))
        for divisor in {2, 3, 7, 9, 25, 273, most - 1, most - most % 2 - 1}:
            if not 0 < divisor < most:
                continue
            rule = clip_to(depth, "clip", slope=Fraction(1, divisor), shift=shift)
            levels = [0, 1, 2, top // 2, top - 1, top, *rng.integers(0, top, 20).tolist()]
            places = [floor((q + Fraction(1, 2) - shift) * divisor) for q in levels]
            largest = min(2**24 - 1, (2**30 - 200_000) * divisor)
            sums = near(-largest, largest, *places)
            responses = np.array(sums, dtype="float64" if real == "float64" else "float32")
            name, actual, _ = run_store(responses, rule, largest=largest)
            expected = [oracle.mapped(Fraction(t, divisor) + shift, "clip", top) for t in sums]
            assert name == "store_near"
            assert actual[0].tolist() == expected, f"divisor {divisor}, shift {shift}"


def test_sums_that_could_overflow_are_clipped_before_they_become_whole():
    rule = clip_to("uint8", "clip")
    for largest, name in ((2**29, "store_near"), (2**30, "store_clipped"), (inf, "store_clipped")):
        assert rule.loop(np.dtype(np.float32), largest, exact=False)[0] == name


@given(
    st.integers(-(2**30), 2**30).filter(bool),
    st.integers(1, 2**12),
    st.integers(-(2**16), 2**16),
    st.integers(1, 16),
    st.lists(st.integers(-(2**24), 2**24), min_size=1, max_size=30),
    st.sampled_from(["clip", "abs", "offset"]),
)
def test_any_slope_and_shift_round_right(m, d, a, b, sums, mapping):
    slope, shift = Fraction(m, d * 2**20), Fraction(a, b)
    rule = clip_to("uint16", mapping, slope=slope, shift=shift)
    common = slope.denominator * shift.denominator
    reach = 2 * (abs(slope * common) * max(map(abs, sums)) + abs(shift * common)) + common
    if reach >= _ROUNDING_LIMIT[np.dtype(np.float64)]:
        return  # what lies beyond is not promised
    _, actual, _ = run_store(np.array(sums, dtype=np.float64), rule)
    expected = [oracle.mapped(slope * t + shift, mapping, 65535) for t in sums]
    assert actual[0].tolist() == expected


#: Types of sums and the least and greatest there can be.
WHOLE = {
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "float32": (-(2**24), 2**24),
    "float64": (-(2**40), 2**40),
}
#: The result's type for each, so that every pair of sizes is compiled once.
LEVELS = {
    "int16": "uint8",
    "uint16": "uint16",
    "int32": "uint16",
    "float32": "uint8",
    "float64": "uint8",
}


def near(low, high, *places):
    """Whole numbers at and around some places, and the ends, that lie within low…high."""
    around = {place + d for place in (*places, low, high) for d in range(-3, 4)}
    return sorted(n for n in around if low <= n <= high)


@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
@pytest.mark.parametrize("sums", exhaustive_but(["int16", "float32"], WHOLE))
def test_whole_sums_of_every_type(sums, mapping):
    low, high = WHOLE[sums]
    depth = LEVELS[sums]
    top = np.iinfo(depth).max
    for slope, shift in (
        (1, 0), (1, 5), (1, -5), (-1, 0), (-1, 300), (Fraction(1, 9), 0), (Fraction(-2, 7), 3),
        (Fraction(1, 2), Fraction(1, 2)), (3, Fraction(-1, 4)), (0, 40), (0, -40),
    ):  # fmt: skip
        slope, shift = Fraction(slope), Fraction(shift)
        rule = clip_to(depth, mapping, slope=slope, shift=shift)
        ends = [int((end - shift) / slope) for end in (-top, -top // 2, 0, top // 2, top) if slope]
        numbers = near(low, high, 0, *ends)
        name, actual, found = run_store(np.array(numbers, dtype=sums), rule)
        values = [slope * t + shift for t in numbers]
        assert actual[0].tolist() == [oracle.mapped(v, mapping, top) for v in values], name
        assert (found.lowest, found.highest) == (numbers[0], numbers[-1])
        assert found.clipped == sum(clips(v, rule, top) for v in values), (name, slope, shift)


def clips(value, rule, top):
    """Whether a response is clipped: rounded, mapped, and outside; one that's the same is not."""
    if rule.slope == 0:
        return False
    level = oracle.round_half_away(value)
    level = abs(level) if rule.absolute else level + int(rule.mid)
    return not 0 <= level <= top


def test_sums_that_are_levels_already_are_not_divided():
    for sums in WHOLE:
        rule = clip_to(LEVELS[sums], "clip")
        name, numbers = rule.loop(np.dtype(sums), 20_000.0, exact=True)
        assert (name, numbers.dtype) == ("store_whole", sums)
    # Unless the shift makes them overflow.
    rule = clip_to("uint8", "clip", shift=Fraction(20_000))
    assert rule.loop(np.dtype("int16"), 20_000.0, exact=True)[0] == "store_near"


def test_the_narrow_store_is_used_only_within_its_limit():
    rule = clip_to("uint8", "offset", slope=Fraction(1, 9))
    narrow, wide = np.dtype(np.float32), np.dtype(np.float64)
    limit = (2**22 - 9) // 2
    assert rule.loop(narrow, limit - 1, exact=True)[1].dtype == narrow
    assert rule.loop(narrow, limit + 1, exact=True)[1].dtype == wide
    assert rule.loop(np.dtype(np.int32), limit - 1, exact=True)[1].dtype == narrow
    assert rule.loop(np.dtype(np.int32), limit + 1, exact=True)[1].dtype == wide
    assert rule.loop(wide, 5, exact=True)[1].dtype == wide
    assert rule.loop(wide, 5, exact=False)[1].dtype == wide


REAL_NUMBERS = st.tuples(
    st.integers(-(2**12), 2**12),
    st.integers(1, 300),
    st.integers(-600, 600),
    st.sampled_from(["clip", "abs", "offset"]),
    st.sampled_from(["uint8", "uint16"]),
)


@given(REAL_NUMBERS, st.sampled_from(list(WHOLE)))
def test_clipped_sums_are_those_outside_the_limits(numbers, sums):
    m, d, a, mapping, depth = numbers
    top = int(np.iinfo(depth).max)
    rule = clip_to(depth, mapping, slope=Fraction(m, d), shift=Fraction(a, 2))
    limits = rule.limits(np.dtype(sums))
    assert limits.dtype == sums
    low, high = (float(end) for end in limits)
    ends = [int(end) for end in (low, high) if abs(end) < 2**40]
    for total in near(*WHOLE[sums], *ends):
        inside = not clips(rule.slope * total + rule.shift, rule, top)
        assert (low <= total <= high) == inside, total


@given(REAL_NUMBERS, st.lists(st.integers(-(2**12), 2**12), min_size=1))
def test_clipped_floats_are_those_that_round_outside(numbers, eighths):
    # Sums in float32 that are no whole numbers: halves and quarters of levels among them.
    m, _, a, mapping, depth = numbers
    top = int(np.iinfo(depth).max)
    for slope in (Fraction(1, 2), Fraction(-4), Fraction(1 if m > 0 else -1)):
        rule = clip_to(depth, mapping, slope=slope, shift=Fraction(a, 4))
        low, high = rule.limits(np.dtype(np.float32))
        for total in (Fraction(n, 8) + k * top for n in eighths for k in (-2, -1, 0, 1, 2)):
            assert Fraction(float(np.float32(total))) == total
            inside = not clips(slope * total + rule.shift, rule, top)
            assert (low <= np.float32(total) <= high) == inside, (total, slope)


@pytest.mark.parametrize("sums", WHOLE)
@pytest.mark.parametrize("slope", [Fraction(10) ** 40, Fraction(1, 10**60), -(Fraction(10) ** 320)])
def test_limits_beyond_a_type_are_said_without_a_warning(sums, slope):
    rule = clip_to("uint8", "clip", slope=slope)
    low, high = rule.limits(np.dtype(sums))
    inside = {-1: slope == Fraction(1, 10**60), 0: True, 1: slope == Fraction(1, 10**60)}
    for total, is_inside in inside.items():
        if total >= 0 or sums != "uint16":
            assert (low <= np.dtype(sums).type(total) <= high) == is_inside


WIDTHS = [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200]


@pytest.mark.parametrize("mapping", ["clip", "abs"])
@pytest.mark.parametrize("sums", exhaustive_but(["int16", "float32"], WHOLE))
def test_partial_blocks(sums, mapping, rng):
    # The last sample of a row is outside: copies of it fill the block and must not be counted.
    depth = LEVELS[sums]
    top, low = int(np.iinfo(depth).max), -400 if WHOLE[sums][0] < 0 else 0
    for slope, shift in ((Fraction(1), 0), (Fraction(1, 3), 0)):
        rule = clip_to(depth, mapping, slope=slope, shift=Fraction(shift))
        for width in WIDTHS:
            numbers = rng.integers(low, min(top * 4, WHOLE[sums][1]), (3, width))
            numbers[:, -1] = [low, min(top * 3 + 2, WHOLE[sums][1]), 1]
            name, actual, found = run_store(numbers.astype(sums), rule)
            values = [[slope * int(t) for t in row] for row in numbers]
            expected = [[oracle.mapped(v, mapping, top) for v in row] for row in values]
            assert_same_pixels(actual, expected)
            assert (found.lowest, found.highest) == (numbers.min(), numbers.max()), name
            assert found.clipped == sum(clips(v, rule, top) for row in values for v in row), name


FLOATS = [("int16", "float32"), ("float32", "float32"), ("float64", "float32")]
FLOATS += [("float64", "float64")]


@pytest.mark.parametrize(("sums", "out"), FLOATS)
def test_floats_are_stored_unrounded_in_partial_blocks(sums, out, rng):
    for slope, shift, mapping in ((1, 0, "raw"), (Fraction(1, 3), -5, "abs"), (-2, 1, "offset")):
        rule = finish(
            Mapping(mapping),
            np.dtype(out),
            scale=Scale(1),
            slope=Fraction(slope),
            shift=Fraction(shift),
        )
        for width in WIDTHS:
            numbers = rng.integers(-30_000, 30_000, (2, width)).astype(sums)
            name, actual, found = run_store(numbers, rule)
            assert name == ("store_sums" if mapping == "raw" else "store_response")
            real = numbers.astype(np.float64) * float(slope) + shift
            real = {"raw": real, "abs": np.abs(real), "offset": real + 0.5}[mapping]
            assert_same_pixels(actual, real.astype(out), np.finfo(out).eps * np.abs(real).max())
            assert (found.lowest, found.highest) == (numbers.min(), numbers.max())
            assert found.clipped == 0


@pytest.mark.parametrize("sums", ["float32", "float64"])
def test_what_is_not_a_number_is_neither_seen_nor_counted(sums):
    numbers = np.array([[np.nan, 3.0, np.nan, 300.0, -1.0, np.nan], [np.nan] * 6], dtype=sums)
    _, actual, found = run_store(numbers, clip_to("uint8", "clip"), exact=False, largest=np.inf)
    assert_same_pixels(actual, [[0, 3, 0, 255, 0, 0], [0] * 6])
    assert (found.lowest, found.highest, found.clipped) == (-1, 300, 2)
    numbers[:] = np.nan
    _, actual, found = run_store(numbers, clip_to("uint8", "clip"), exact=False, largest=np.inf)
    assert not actual.any()
    assert np.isnan([found.lowest, found.highest]).all() or found.lowest > found.highest
    rule = Finish(Fraction(1, 2), Fraction(1), np.dtype(np.float32))
    for name, slope in (("store_sums", 1), ("store_response", 3)):
        rule = Finish(Fraction(slope), Fraction(0), np.dtype(np.float32))
        ends = np.array([[np.nan, np.inf, -np.inf, 1.0]], dtype=sums)
        used, actual, found = run_store(ends, rule, exact=False, largest=np.inf)
        assert used == name
        assert_same_pixels(actual, [[np.nan, np.inf, -np.inf, slope]])
        assert (found.lowest, found.highest) == (-np.inf, np.inf)


@pytest.mark.parametrize("depth", ["uint8", "uint16"])
@pytest.mark.parametrize("divisor", [1, 9, -3])
def test_normalize_is_exact(depth, divisor, rng):
    pixels = rng.integers(50, 180, (9, 11)).astype(depth)
    kernel = Kernel("k", [[1, -2, 3]], divisor=divisor, offset=20)
    result, facts = pipeline.apply(Image(pixels), [kernel], Spec(mapping="normalize"))
    whole = oracle.correlate(pixels, kernel.weights, padding=((0, 0), (1, 1)))
    real = [[Fraction(v, divisor) for v in row] for row in whole]
    low, high = min(map(min, real)), max(map(max, real))
    top = int(np.iinfo(depth).max)
    expected = [
        [oracle.round_half_away((v - low) * top / (high - low)) for v in row] for row in real
    ]
    assert_same_pixels(result.pixels, expected)
    assert facts.clipped == 0
    assert result.pixels.min() == 0
    assert result.pixels.max() == top


def test_normalize_of_floats_and_of_one_level(rng):
    pixels = (rng.random((9, 11)) * 7 - 3).astype(np.float32)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], Spec(mapping="normalize"))
    expected = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    assert_same_pixels(result.pixels, expected, 1e-6)
    flat = Image(np.full((3, 3), 77, np.uint8))
    result, _ = pipeline.apply(flat, [Kernel("k", [[1]])], Spec(mapping="normalize"))
    assert_same_pixels(result.pixels, flat.pixels)


@pytest.mark.parametrize("depth", ["same", "8"])
def test_normalize_of_numbers_with_no_common_divisor(depth):
    # The denominator of such a slope is beyond float64.
    pixels = np.array([[1e-200, 0.25, 1.0]])
    spec = Spec(mapping="normalize", depth=depth)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], spec)
    full = 255 if depth == "8" else 1
    assert_same_pixels(result.pixels, [[0, 64 if full > 1 else 0.25, full]], 1e-12)


def test_a_sum_without_end_does_not_stop_normalize():
    pixels = np.array([[0.0, 0.5, np.inf]], dtype=np.float32)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], Spec(mapping="normalize"))
    assert_same_pixels(result.pixels, pixels)


@pytest.mark.parametrize("weights", exhaustive_but([[[1]]], [[[1]], [[0.3]]]))
def test_divisors_beyond_all_measure_give_nothing_or_all(weights):
    pixels = np.full((2, 2), 200, np.uint8)
    for divisor, level in ((1e307, 0), (1e100, 0), (1e-35, 255), (-1e-35, 0)):
        spec = Spec(divisor=divisor)
        result, facts = pipeline.apply(Image(pixels), [Kernel("k", weights)], spec)
        assert_same_pixels(result.pixels, np.full((2, 2), level))
        assert facts.clipped == (4 if abs(divisor) < 1 else 0)
    for divisor in (1e-300, -1e-300):
        with pytest.raises(KernelError, match="too near to 0"):
            pipeline.apply(Image(pixels), [Kernel("k", weights)], Spec(divisor=divisor))


@pytest.mark.parametrize("step", [(8, 16), (16, 8)])
def test_depths_change_exactly(step):
    here, there = step
    source = np.arange(2**here, dtype=f"uint{here}").reshape(16, -1)
    result, facts = pipeline.apply(Image(source), [Kernel("k", [[1]])], Spec(depth=str(there)))
    assert result.pixels.dtype == f"uint{there}"
    ratio = Fraction(2**there - 1, 2**here - 1)
    expected = [[oracle.round_half_away(int(v) * ratio) for v in row] for row in source]
    assert_same_pixels(result.pixels, expected)
    assert facts.clipped == 0


def test_floats_are_neither_rounded_nor_clipped():
    rule = Finish(Fraction(1, 3), Fraction(-1), np.dtype(np.float32))
    pixels, found = Store(np.dtype(np.float64), rule)(np.array([[0.0, 3.0, 900.5]]))
    assert_same_pixels(pixels, [[-1, 0, 900.5 / 3 - 1]], 1e-4)
    assert found == (0.0, 900.5, 0)
