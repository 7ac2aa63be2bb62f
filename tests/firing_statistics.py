"""Statistics of made-up neurons, for the tests of firing."""

from spikedense.analysis.firing import FiringStatistics

#: Of the integers 0 1 4 0, 0 0 1 2 and 0 4 2 3: four units at three pixels.
EXPECTED = FiringStatistics(
    D=4,
    mean=17 / 12,
    rate=17 / 48,
    zeros=5 / 12,
    saturated=2 / 12,
    per_step=(17 / 12,),
    per_level=(7 / 12, 5 / 12, 3 / 12, 2 / 12),
    units=4,
    dead=1,
    always_on=1,
    elements=12,
)
SILENT = FiringStatistics(1, 0.0, 0.0, 1.0, 0.0, (0.0, 0.0), (0.0,), 2, 2, 0, 4)
FULL = FiringStatistics(2, 2.0, 1.0, 0.0, 1.0, (2.0,), (1.0, 1.0), 3, 0, 3, 36)
