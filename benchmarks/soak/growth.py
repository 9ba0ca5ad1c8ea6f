"""Whether a figure that was taken each minute grows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

WARM_UP_MINUTES = 10
"""Minutes that do not count: caches fill. Of a run of less than an hour, a sixth of it."""
MAX_SLOPE = 1.0
"""MB in ten minutes, by the line of least squares."""
MAX_RATIO = 1.1
"""Mean of the last tenth of the samples, divided by that of the first tenth after the warm-up."""

Samples = Sequence[tuple[float, float]]
"""Pairs (minute, figure), in order."""


def slope(samples: Samples) -> float:
    """Return the growth in ten minutes by the line of least squares through ``samples``."""
    mean_x, mean_y = _means(samples)
    spread = _spread(samples)
    return 10 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def error(samples: Samples) -> float:
    """Return the standard error of `slope`: what the noise of the samples alone may make of it."""
    mean_x, mean_y = _means(samples)
    rise, spread = slope(samples) / 10, _spread(samples)
    if len(samples) < 3 or not spread:
        return 0.0
    rest = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in samples)
    return 10 * math.sqrt(rest / (len(samples) - 2) / spread)


def ratio(samples: Samples) -> float:
    """Return the mean of the last tenth of ``samples`` divided by that of the first tenth."""
    tenth = max(1, len(samples) // 10)
    first, last = (sum(y for _, y in part) / tenth for part in (samples[:tenth], samples[-tenth:]))
    return last / first if first else 1.0


def warm(samples: Samples) -> Samples:
    """Return the samples after the warm-up."""
    end = samples[-1][0] if samples else 0.0
    return [sample for sample in samples if sample[0] >= min(WARM_UP_MINUTES, end / 6)]


def grows(samples: Samples) -> bool:
    """Whether the figure grows: by its line beyond twice the line's error, or from the first tenth to the last."""
    return slope(samples) - 2 * error(samples) > MAX_SLOPE or ratio(samples) > MAX_RATIO


def _means(samples: Samples) -> tuple[float, float]:
    return sum(x for x, _ in samples) / len(samples), sum(y for _, y in samples) / len(samples)


def _spread(samples: Samples) -> float:
    mean, _ = _means(samples)
    return sum((x - mean) ** 2 for x, _ in samples)
