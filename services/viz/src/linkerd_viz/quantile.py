"""Quantiles of histograms, by Prometheus's histogram_quantile. PURE."""

import math


def histogram_quantile(q: float, buckets: dict[float, float]) -> float | None:
    """The q-quantile (0-1) of cumulative counts by upper bound, +Inf among them; None where nothing was counted.

    Linear inside a bucket, whose lower bound is the one before (0 for the first); in the +Inf bucket, the highest
    finite bound. Counts that fall by a rounding error or a scrape in between are lifted, as Prometheus does.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return None
    counts: list[float] = []
    for bound in bounds:
        counts.append(max(buckets[bound], counts[-1] if counts else 0.0))
    if counts[-1] <= 0:
        return None
    rank = q * counts[-1]
    index = next(i for i, count in enumerate(counts) if count >= rank)
    if index == len(bounds) - 1:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0:
        return bounds[0]
    low = bounds[index - 1] if index else 0.0
    below = counts[index - 1] if index else 0.0
    inside = counts[index] - below
    return low + (bounds[index] - low) * ((rank - below) / inside if inside else 0.0)
