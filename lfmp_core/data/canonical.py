"""One spelling for one value: what a column of one's own holds, whatever wrote the file.

pandas writes a whole number with a missing value beside it as 1042.0, a truth value as True, midnight with or
without its zeros; Parquet holds them as numbers. Both readers hand the distinct texts of a block to
`Canonical`, so that a table gives the same ids from either file. The publishers' files are read as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("NaN", "nan", "NULL", "null", "NA", "N/A", "n/a", "<NA>", "#N/A", "\\N", "None", "NaT")

_ZONE = r"(Z|[+-]\d\d(?::?\d\d){0,2})?"
_DAY = r"\d{4}-\d\d-\d\d"
# what one of the rules below may change; most columns hold none of it, and are done after one look
_ODD = (
    r"\r|^(?i:true|false)$|^-?\d+\.0*$|^-0+$|^-?\d(\.\d+)?[eE]\+\d+$|^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d"
    r"|^\d\d:\d\d:\d\d\.\d*$|^-?\d+ days? "
)
_RULES = (
    (r"\r\n?", "\n"),
    (r"^(?i:true)$", "true"),
    (r"^(?i:false)$", "false"),
    (r"^(-?\d+)\.0*$", r"\1"),
    (r"^-0+$", "0"),
    (rf"^({_DAY})[Tt ](\d\d:\d\d){_ZONE}$", r"\1 \2:00\3"),
    (rf"^({_DAY})[Tt ](\d\d:\d\d:\d\d)", r"\1 \2"),
    (rf"(\d\d:\d\d:\d\d\.\d*[1-9])0+{_ZONE}$", r"\1\2"),
    (rf"(\d\d:\d\d:\d\d)\.0*{_ZONE}$", r"\1\2"),
    (rf"^({_DAY} [\d:.]+)(?:Z|[+-]00(?::?00){0, 2})$", r"\1+00:00"),
    (rf"^({_DAY}) 00:00:00$", r"\1"),
    (r"^(-?\d+ days) \+?00:00:00$", r"\1"),
)


@dataclass(frozen=True)
class Canonical:
    """Distinct texts to distinct values' own texts; a missing value is "".

    Blanks around a value go, a line end inside one is \\n. A whole number is written without a point (1042.0
    and 1e+05 as 1042 and 100000), a truth value as true or false, a time as in ISO 8601 with a blank, without
    zeros that say nothing and in UTC where it has a zone. All else stays: 007 is not 7, 1.10 is not 1.1.

    Attributes:
        missing: the texts that stand for no value, besides the empty one.
    """

    missing: tuple[str, ...] = MISSING

    def __call__(self, unique: pa.StringArray) -> pa.StringArray:
        """The canonical text of each text [k]; several may come out the same."""
        texts = pc.utf8_trim_whitespace(unique)
        odd = pc.match_substring_regex(texts, _ODD)
        if pc.any(odd).as_py():
            texts = pc.replace_with_mask(texts, odd, _spelt(texts.filter(odd)))
        return pc.if_else(pc.is_in(texts, pa.array(self.missing, pa.string())), "", texts)


def _spelt(texts: pa.StringArray) -> pa.StringArray:
    texts = _mapped(texts, r"^-?\d(\.\d+)?[eE]\+\d+$", _unscaled)
    for pattern, replacement in _RULES:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return _mapped(texts, rf"^{_DAY} [\d:.]+[+-][\d:]*[1-9][\d:]*$", _in_utc)


def _mapped(texts: pa.StringArray, pattern: str, change: Callable[[str], str]) -> pa.StringArray:
    """`change` on the texts that match; for spellings that are rare."""
    found = pc.match_substring_regex(texts, pattern)
    if not pc.any(found).as_py():
        return texts
    return pc.replace_with_mask(
        texts, found, pa.array([change(t) for t in texts.filter(found).to_pylist()], pa.string())
    )


def _unscaled(text: str) -> str:
    number = float(text)
    return str(int(number)) if abs(number) < 2.0**64 and number.is_integer() else repr(number)


def _in_utc(text: str) -> str:
    clock, zone = text[:19], text[19:].lstrip(".0123456789")
    fraction = text[19 : len(text) - len(zone)]
    try:
        moved = datetime.fromisoformat(clock + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{moved:%Y-%m-%d %H:%M:%S}{fraction}+00:00"
