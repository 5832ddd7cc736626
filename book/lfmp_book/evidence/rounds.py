"""Committed measurements of time: rounds of turns, their ratios, and where they come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from lfmp_core.settings import project_root

from ..show.html import HtmlTable, table


def folder() -> Path:
    """Where the committed figures lie."""
    return project_root() / "book" / "performance"


def kept_figures(name: str, parts: str = "groups") -> dict[str, Any]:
    """The committed figures of a name; no groups, or whatever their parts are, where there is no file."""
    path = folder() / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {parts: {}}


@dataclass(frozen=True)
class Rounds:
    """Samples of one contender, round by round."""

    seconds: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any], measure: str) -> "Rounds":
        """Those of an entry; no rounds where it took no part or failed at once."""
        return cls(tuple(tuple(r) for r in entry.get(measure, {}).get("seconds", [])))

    @property
    def each(self) -> list[float]:
        """The rounds' medians."""
        return [median(r) for r in self.seconds]

    @property
    def median(self) -> float:
        """Median over all samples; NaN without any."""
        samples = [s for r in self.seconds for s in r]
        return median(samples) if samples else float("nan")

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third, over all samples."""
        samples = [s for r in self.seconds for s in r]
        low, high = np.quantile(samples, [0.25, 0.75])
        return float(low), float(high)


@dataclass(frozen=True)
class Ratio:
    """How many times faster one contender is than another: median, lowest and highest of the rounds' ratios.

    Contenders take turns, so a slow minute of the machine strikes both sides of a round's ratio.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, slow: Rounds, fast: Rounds) -> "Ratio | None":
        """`slow` over `fast`, over the rounds that both have; None where there is none."""
        pairs = [a / b for a, b in zip(slow.each, fast.each, strict=False)]
        return cls(median(pairs), min(pairs), max(pairs)) if pairs else None

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


def shown(ratio: Ratio) -> str:
    """Three figures, however small or large the ratio is."""
    value, low, high = (three_figures(x) for x in (ratio.value, ratio.low, ratio.high))
    return f"{value} [{low}, {high}]"


def three_figures(x: float) -> str:
    """A positive number to three figures, however small or large."""
    return f"{x:,.0f}" if x >= 99.95 else f"{x:.3g}"


def made_table(results: Mapping[str, Any]) -> HtmlTable:
    """When, where and with what each part was measured."""
    parts = dict(results["groups"])
    if "preparation" in results:
        parts["preparation"] = results["preparation"]
    rows = []
    for key, part in parts.items():
        stamp = part["made"]
        hardware = stamp["hardware"]
        rows.append(
            {
                "part": key,
                "started": stamp["started"],
                "commit": stamp["commit"][:12] + (" with changes" if stamp["dirty"] else ""),
                "machine": f"{hardware['cpu']}, {hardware['cores']} cores {hardware['accelerator']}".strip(),
                "threads": stamp["threads"],
                "load": stamp["load"],
                "packages": ", ".join(f"{k} {v}" for k, v in stamp["packages"].items() if v != "absent"),
            }
        )
    return table(pd.DataFrame(rows), caption="How the figures were made", formats={"load": ".1f"})
