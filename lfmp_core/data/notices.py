"""What was noticed while a dataset was prepared: guesses, and what is worth knowing of the columns.

Notices are kept in `Schema.notices`, shown after preparing and by `lfmp data describe`, and are part of no
fingerprint: they change nothing of what was prepared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

_SHOWN, _NAMED = 30, 12


@dataclass(frozen=True)
class Notice:
    """One thing noticed.

    Attributes:
        level: "note" for what was done and why, "warning" for what is probably not meant.
        field: the column it is about, or None.
        text: what, in a sentence without a full stop.
        remedy: what changes it, e.g. the option to give; "" when nothing needs to.
    """

    level: Literal["note", "warning"]
    field: str | None
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.field}: " if self.field is not None else ""
        return f"{self.level}: {place}{self.text}" + (f". {self.remedy}" if self.remedy else "")


def lines(notices: Iterable[Notice], shown: int = _SHOWN) -> Iterator[str]:
    """One line for all fields of which the same is said, warnings first; at most `shown` lines of a level."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for notice in notices:
        fields = groups.setdefault((notice.level, notice.text, notice.remedy), [])
        fields += [notice.field] if notice.field is not None else []
    for level in ("warning", "note"):
        those = [Notice(level, _named(names), *rest) for (of, *rest), names in groups.items() if of == level]
        yield from map(str, those[:shown])
        if len(those) > shown:
            yield f"{level}: {len(those) - shown} more like these, in `lfmp data describe --json`"


def _named(fields: list[str]) -> str | None:
    more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
    names = (" ".join(field.splitlines()) for field in fields[:_NAMED])
    return ", ".join(names) + more if fields else None
