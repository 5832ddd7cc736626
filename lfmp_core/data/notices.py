"""What was noticed while a dataset was prepared: guesses, and what is worth knowing of the columns.

Notices are kept in `Schema.notices`, shown after preparing and by `lfmp data describe`, and are part of no
fingerprint: they change nothing of what was prepared.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_SHOWN, _NAMED = 30, 12
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?![\w-])")


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
    """One line for all fields of which the same is said but for numbers, of which the line has the least and
    the greatest; warnings first, at most `shown` lines of a level."""
    groups: dict[tuple[str, str, str], list[Notice]] = {}
    for notice in notices:
        key = (notice.level, _NUMBER.sub("#", notice.text), _of_any(notice))
        groups.setdefault(key, []).append(notice)
    for level in ("warning", "note"):
        those = [_together(many) for (of, *_), many in groups.items() if of == level]
        yield from map(str, those[:shown])
        if len(those) > shown:
            yield f"{level}: {len(those) - shown} more like these, in `lfmp data describe --json`"


def _of_any(notice: Notice) -> str:
    """The remedy, for whichever field."""
    return notice.remedy.replace(f" {notice.field}=", " FIELD=")


def _together(many: Sequence[Notice]) -> Notice:
    """What several notices say, in one."""
    first, fields = many[0], [notice.field for notice in many if notice.field is not None]
    columns = zip(*(_NUMBER.findall(notice.text) for notice in many), strict=True)
    ranges = map(_range, columns)
    text = _NUMBER.sub(lambda _: next(ranges), first.text)
    remedies = list(dict.fromkeys(notice.remedy for notice in many))
    return Notice(first.level, _named(fields), text, remedies[0] if len(remedies) == 1 else _of_any(first))


def _range(numbers: Sequence[str]) -> str:
    low, *_, high = sorted((*numbers, *numbers), key=lambda number: float(number.replace(",", "")))
    return low if low == high else f"{low} to {high}"


def _named(fields: list[str]) -> str | None:
    more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
    names = (" ".join(field.splitlines()) for field in fields[:_NAMED])
    return ", ".join(names) + more if fields else None
