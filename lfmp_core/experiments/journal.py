"""The journal of a search: what was proposed, which runs tried it and what they said, in order.

<root>/searches/<name>.jsonl   first line: what decides the search; then a line a trial

The trials of a search are found through it, and the sampler is asked for the next one only: records are found
with another release of the sampler, and without any. A journal that is missing is made anew from the records,
by the release that proposed them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

from ..errors import DataError, LfmpError
from ..files import atomic_write
from ..settings import Settings, canonical_json, digest
from .search import TPE, Trial, sampler
from .spec import RunSpec, plain
from .store import Store

_LABELS = ("item", "profile", "role", "seed")  # of a run; they decide nothing of a search


class JournalEntry(Settings):
    """One trial of a journal.

    Attributes:
        values: what was tried. runs: ids of the specs that tried it, one a search seed.
        state: `open` while a run of it has not ended. score: mean validation AUC, of a `done` trial.
        sampler: which release proposed it.
    """

    values: dict[str, float]
    runs: tuple[str, ...]
    state: Literal["open", "done", "diverged"] = "open"
    score: float | None = None
    sampler: str


class Journal:
    """The journal of one search; nothing is written before `write`.

    Args:
        store: of the search's records.
        spec: any run of the search, without what the sampler proposes.
        tpe: the search's settings; how many trials there will be decides nothing.
        seeds: of each trial's runs.

    Raises:
        DataError: the file is damaged.
    """

    def __init__(self, store: Store, spec: RunSpec, tpe: TPE, seeds: Sequence[int]):
        whole = {key: value for key, value in plain(spec).items() if key not in _LABELS}
        for place in ("backbone", "training"):
            whole[place] = {key: value for key, value in whole[place].items() if key not in tpe.space}
        settings = {key: value for key, value in plain(tpe).items() if key != "trials"}
        self.search: dict[str, Any] = {**whole, "seeds": list(seeds), "tpe": settings}
        words = "-".join([spec.dataset.name, spec.backbone["name"], spec.method])  # for people
        words = re.sub(r"\W+", "-", words, flags=re.ASCII).strip("-")[:80]
        self.path: Path = store.searches(spec) / f"{words}-{digest(self.search)}.jsonl"
        self.command = f"lfmp run {spec.item} --profile {spec.profile}"
        self.entries = self._read()

    def _read(self) -> list[JournalEntry]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            self._wrong(f"journal can't be read ({getattr(error, 'strerror', None) or 'no UTF-8 text'})")
        if not lines or _parsed(lines[0]) != {"search": self.search}:
            self._wrong("journal is damaged: its first line is not that of this search", 1)
        found = []
        for number, line in enumerate(lines[1:], 2):
            try:
                found.append(JournalEntry.model_validate(_parsed(line)))
            except (LfmpError, ValueError):
                self._wrong("journal is damaged: the line holds no trial", number)
        return found

    def hold(self, k: int, cell: Sequence[RunSpec], said: Trial | None) -> Trial | None:
        """What trial `k` said, by its records and by its line, which must not contradict each other.

        A trial that has diverged may have left its records elsewhere.

        Raises:
            DataError: the line names other runs than its values make, or another score.
        """
        if k >= len(self.entries):
            return said
        entry = self.entries[k]
        ids = tuple(spec.id for spec in cell)
        if entry.runs != ids:
            self._wrong(
                f"journal names {_names(entry.runs)} for trial {k + 1}, its values make {_names(ids)}", k + 2
            )
        if entry.state == "open":
            return said
        if said is not None and said.score != entry.score:
            own = "diverged" if said.score is None else f"has the score {said.score}"
            theirs = "diverged" if entry.score is None else f"has the score {entry.score}"
            self._wrong(f"trial {k + 1} {theirs}, by its records it {own}", k + 2)
        return Trial(None) if entry.state == "diverged" else said

    def write(
        self,
        values: Sequence[Mapping[str, float]],
        cells: Sequence[Sequence[RunSpec]],
        trials: Sequence[Trial | None],
    ) -> None:
        """Put down the trials that are known by now; a line once written keeps its values and its score."""
        entries = list(self.entries)
        for k, (tried, cell, said) in enumerate(zip(values, cells, trials, strict=True)):
            told = {} if said is None else {"state": "diverged" if said.score is None else "done"}
            known = entries[k].model_dump() if k < len(entries) else {"sampler": sampler()}
            given = {"values": dict(tried), "runs": [s.id for s in cell], "score": said and said.score}
            entry = JournalEntry.model_validate({**known, **given, **told})
            if k >= len(entries):
                entries.append(entry)
            elif entries[k].state == "open":
                entries[k] = entry
        if entries != self.entries and len(self._read()) <= len(entries):
            lines = [canonical_json({"search": self.search}), *map(canonical_json, entries)]
            atomic_write(self.path, "\n".join(lines) + "\n")
            self.entries = entries

    def _wrong(self, problem: str, line: int | None = None) -> NoReturn:
        remedy = f"Restore it or its records; or delete it, and `{self.command}` makes it anew"
        raise DataError(problem, file=self.path, line=line, remedy=remedy) from None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _names(runs: Sequence[str]) -> str:
    return f"run{'s' * (len(runs) > 1)} {', '.join(runs)}"
