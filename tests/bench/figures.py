"""A measured figure, its aim, and how both are printed."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TOO_MUCH = 2.0
_SYNCS = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in milliseconds; the aims are for the median and the 99th percentile."""

    name: str
    values_ms: Sequence[float]
    aim_ms: float | None = None
    aim_p99_ms: float | None = None

    @property
    def median_ms(self) -> float:
        """Return the middle value."""
        return statistics.median(self.values_ms)

    @property
    def p99_ms(self) -> float:
        """Return the value that one in a hundred is above."""
        ordered = sorted(self.values_ms)
        return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]

    @property
    def is_far_off(self) -> bool:
        """Whether the median is over twice its aim."""
        return self.aim_ms is not None and self.median_ms > TOO_MUCH * self.aim_ms

    def __str__(self) -> str:
        """Return one line of the report."""
        aims = [f"median ≤ {self.aim_ms:g}"] if self.aim_ms is not None else []
        aims += [f"p99 ≤ {self.aim_p99_ms:g}"] if self.aim_p99_ms is not None else []
        aim = f"  (aim: {', '.join(aims)})" if aims else ""
        return (
            f"{self.name:<58} n={len(self.values_ms):<4} median {self.median_ms:7.2f} ms"
            f"  p99 {self.p99_ms:7.2f} ms  worst {max(self.values_ms):7.2f} ms{aim}"
        )


def sync_cost(folder: Path) -> Figure:
    """Measure what the disk takes to make 4 KiB durable, to read the other figures by."""
    values = []
    for number in range(_SYNCS):
        path = folder / f"sync-{number}"
        began = time.perf_counter()
        with path.open("wb") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        values.append((time.perf_counter() - began) * 1000)
        path.unlink()
    return Figure("write and fsync of 4 KiB on this disk", values)
