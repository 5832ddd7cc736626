"""What can be touched without a kernel: a box with its data, opened by a small script of the site.

The script is `_static/knob-KIND.js`; a page loads it where it has such a box (`book/_ext/heads.py`). Without
scripts, and on paper, stands what the box holds for that.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Touch:
    """A knob or a figure that can be touched.

    Attributes:
        kind: of its script. title: what it answers.
        data: JSON-able, what the script needs; see `settled` for numbers from records.
        still: stands there without scripts and on paper; shows itself as HTML.
        words: what to do with it, a sentence or two.
    """

    kind: str
    title: str
    data: Mapping[str, Any]
    still: Any
    words: str = ""

    def _repr_html_(self) -> str:
        held = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        words = f'<p class="lfmp-touch-words">{escape(self.words)}</p>' if self.words else ""
        return (
            f'<div class="lfmp-touch" data-knob="{self.kind}" role="group" aria-label="{escape(self.title)}">'
            f'<p class="lfmp-touch-title">{escape(self.title)}</p>{words}'
            f'<div class="lfmp-still">{self.still._repr_html_()}</div>'
            f'<script type="application/json">{held}</script></div>'
        )

    def __repr__(self) -> str:
        return f"{self.title}\n{self.still!r}"


def settled(value: float, digits: int = 6) -> float | None:
    """A number with so many digits that count, so that sums in another order leave a page as it is; None of
    what is no number."""
    return None if math.isnan(value) else float(f"{value:.{digits}g}")
