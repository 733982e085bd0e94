"""Percentiles of measured values."""

from bench.parts.figures import percentile, quartiles, spread


def test_a_percentile_is_one_of_the_values_or_0_without_values() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.5, 0.99)] == [2.0, 3.0]
    assert percentile([], 0.5) == 0


def test_the_spread_is_p50_p99_and_the_maximum() -> None:
    values = [float(value) for value in range(1, 201)]

    assert spread(values) == (100, 198, 200)
    assert spread([]) == (0, 0, 0)


def test_quartiles_are_interpolated() -> None:
    assert quartiles([3.0, 1.0, 2.0]) == [1.5, 2.0, 2.5]
    assert quartiles([4.0]) == [4.0, 4.0, 4.0]
