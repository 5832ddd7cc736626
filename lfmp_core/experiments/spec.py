"""A run, frozen: everything that decides its result, under one id."""

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any, Literal

from pydantic import Field, field_validator

from ..budget import Budget
from ..errors import LfmpError
from ..settings import Settings, digest

LABELS = frozenset({"item", "profile"})  # of a run: who asked for it, which decides nothing of its result
OWN_DIGITS = 12  # of a fingerprint, that name one's own data in a command
SPARSITY, EQUAL = "sparsity", "equal"  # among a method's settings: the share, and of what, if not of numbers
Role = Literal["search", "final", "choice"]


class NotFinite(LfmpError):
    """A number that JSON can't hold."""


def plain(value: Any, place: str = "value") -> Any:
    """Return `value` as JSON would give it back, so that what is written equals what is read.

    Settings become dicts, tuples become lists, NumPy scalars and arrays become Python numbers and lists.

    Args:
        value: any nesting of settings, mappings, sequences, numbers, strings, None.
        place: its name, for the message.

    Raises:
        NotFinite: a number that is not finite.
        LfmpError: a thing that JSON does not know.
    """
    if value is None or type(value) in (bool, int, str):  # most of what settings hold, so asked first
        return value
    if isinstance(value, Settings):
        return plain(value.parts(), place)
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{place}.{key}") for key, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, torch tensors
        value = value.tolist()
    if isinstance(value, Set):
        value = sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise NotFinite(f"{place} is {value}: settings and records hold finite numbers only")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise LfmpError(f"{place} is a {type(value).__name__}, which JSON can't hold")


def asked(budget: Budget) -> tuple[float, dict[str, Any]]:
    """A budget as records have it: `prune_ratio`, and what stands among the method's settings."""
    if budget.of == "fields":
        return budget.share, {}
    return 0.0, {SPARSITY: budget.share, **({EQUAL: budget.of} if budget.of != "numbers" else {})}


class DatasetRef(Settings):
    """A prepared data set by name, settings and content; never by path.

    Of one's own data the settings are `prepared`, the fingerprint of the folder; see `own_data`.
    """

    name: str = Field(description="name in the register of sources, as `lfmp data list` prints it")
    settings: dict[str, Any] = Field(
        default={}, description="preparation settings, complete; see `open_dataset`"
    )
    fingerprint: str = Field(
        default="", description="schema.json's fingerprint; empty: not checked, whatever the settings give"
    )

    @field_validator("settings", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return plain(value, "settings")

    @property
    def id(self) -> str:
        """16 hex digits of the SHA-256 of the canonical JSON."""
        return digest(self)

    @property
    def prepared(self) -> str:
        """Fingerprint of the folder of one's own data; empty for a named set."""
        return str(self.settings.get("prepared", ""))

    def __hash__(self) -> int:
        return hash(self.id)


class RunSpec(Settings):
    """One cell of one grid. Two specs with one id are the same run; nothing else decides its result.

    `item` and `profile` are labels of the page that asked for it and are no part of the id: a run that
    several pages show is one run.

    Settings objects are taken where dicts are asked for, and are then stored complete, defaults
    included, so that a later change of a default makes a new id instead of a false record.
    """

    item: str = Field(description="table, figure or page that the run belongs to")
    profile: Literal["quick", "reference", "paper", "own"] = Field(
        description="size of the whole undertaking"
    )
    role: Role = Field(
        description="search: picks hyper-parameters, never sees test rows; final: is reported; choice: only "
        "chooses fields, neither trains on them nor sees test rows"
    )
    dataset: DatasetRef = Field(description="what it learns from")
    backbone: dict[str, Any] = Field(description="settings of the backbone, its `name` among them")
    training: dict[str, Any] = Field(description="TrainingSettings")
    method: str = Field(description="name in the register of methods")
    method_settings: dict[str, Any] = Field(
        default={}, description="the method's own settings, and a budget of numbers or bytes, see `asked`"
    )
    prune_ratio: float = Field(default=0.0, ge=0, lt=1, description="τ, share of the fields to remove")
    seed: int = Field(ge=0, description="root of every random draw of the run")
    threads: int = Field(default=1, ge=1, description="CPU threads; decides the order of sums, so the bits")

    @field_validator("backbone", "training", "method_settings", mode="before")
    @classmethod
    def _plain(cls, value: Any, info: Any) -> Any:
        return plain(value, info.field_name)

    @field_validator("backbone")
    @classmethod
    def _named(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(value.get("name"), str):
            raise ValueError("a backbone needs a name")
        return value

    @property
    def id(self) -> str:
        """16 hex digits of the SHA-256 of the canonical JSON without the labels."""
        parts = {key: value for key, value in self.parts().items() if key not in LABELS}
        return digest({**parts, "dataset": self.dataset.parts()})

    @property
    def budget(self) -> Budget:
        """What is asked to go; see `asked`."""
        if SPARSITY not in self.method_settings:
            return Budget(self.prune_ratio)
        of = self.method_settings.get(EQUAL, "numbers")
        return Budget(float(self.method_settings[SPARSITY]), of)

    @property
    def own_settings(self) -> dict[str, Any]:
        """The method's settings without the budget."""
        return {key: value for key, value in self.method_settings.items() if key not in (SPARSITY, EQUAL)}

    @property
    def label(self) -> str:
        """A short line for people, such as `deepfm light_fmp τ=0.5 seed 3`."""
        share = "τ" if self.budget.of == "fields" else "t"
        name = self.method_settings.get("table", self.method)  # of a method that only sets another table
        text = f"{self.backbone['name']} {name} {share}={self.budget.share:g} seed {self.seed}"
        return text if self.role == "final" else f"{text} {self.role}"

    @property
    def command(self) -> str:
        """The line that makes this one run again."""
        own = self.dataset.prepared
        data = f" --dataset {own[:OWN_DIGITS]}" if own else ""
        return f"lfmp run {self.item} --profile {self.profile}{data} --id {self.id}"

    def __hash__(self) -> int:
        return hash(self.id)
