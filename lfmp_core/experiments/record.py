"""What a run leaves behind, and its text, which a digest covers."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar, Literal, NoReturn

import numpy as np
from pydantic import Field, field_validator, model_validator

from ..errors import Diverged, LfmpError
from ..settings import Settings, canonical_json, digest
from .certificate import Certificate
from .spec import LABELS, NotFinite, RunSpec, plain


def logits_digest(logits: np.ndarray) -> str:
    """16 hex digits of the SHA-256 of the float16 bytes, as they are stored, row by row."""
    return hashlib.sha256(np.ascontiguousarray(logits, dtype="<f2").tobytes()).hexdigest()[:16]


_TIMED = ("inference_remembered", "timed")


def _timeless(value: Any) -> Any:
    """`value` without the entries that a clock made."""
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if not _is_time(k)}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _is_time(key: str) -> bool:
    return key in _TIMED or key.endswith("seconds") or key.startswith("rows_per_second")


class Record(Settings):
    """The result of one RunSpec; as JSON the unit of everything that the book shows.

    A number that is not finite is refused: a run that diverged is a failed run.
    """

    later: ClassVar[frozenset[str]] = frozenset({"cause"})

    id: str = Field(default="", description="the spec's id; filled in when left out")
    spec: RunSpec
    status: Literal["done", "failed"] = "done"
    metrics: dict[str, float] = Field(
        default={},
        description="of clicks val_auc and val_logloss, of top items val_ndcg20, val_recall20 and variants "
        "of them; a final run also those of test; a choice none",
    )
    phases: dict[str, float] = Field(
        default={},
        description="seconds: PT, CT, TT = their sum; IT = inference seconds per million rows or users (of "
        "processor time, for runs of one thread); a choice has PT alone",
    )
    sizes: dict[str, float] = Field(
        default={}, description="parameters, embedding_parameters, bytes, fields_kept, ..."
    )
    details: dict[str, Any] = Field(
        default={}, description="JSON-able particulars: kept fields, gates, history; times end in `seconds`"
    )
    logits: str = Field(
        default="",
        description="digest of what is stored beside it of the test units: logits of rows, or NDCG@20 and "
        "Recall@20 of users; empty: none",
    )
    error: str = Field(default="", description="of a failed run: what went wrong, with the last frames")
    cause: Literal["", "diverged", "other"] = Field(
        default="",
        description="of a failed run: `diverged`, the training itself gave numbers that are not finite, a "
        "result; `other`, anything else (killed, no memory, no disk, a bug), which says nothing of the "
        "settings; empty: not written down, taken as `other`",
    )
    certificate: Certificate | None = Field(default=None, description="stamped by the engine")

    @model_validator(mode="before")
    @classmethod
    def _fill_id(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("id") and isinstance(data.get("spec"), RunSpec):
            return {**data, "id": data["spec"].id}
        return data

    @field_validator("metrics", "phases", "sizes", "details", mode="before")
    @classmethod
    def _finite(cls, value: Any, info: Any) -> Any:
        try:
            return plain(value, info.field_name)
        except NotFinite as error:  # of a training, since `phases` and `sizes` are counted
            raise error if info.field_name in ("phases", "sizes") else Diverged(str(error)) from None

    @model_validator(mode="after")
    def _own_id(self) -> "Record":
        if self.id != self.spec.id:
            raise ValueError(f"id {self.id} is not its spec's, {self.spec.id}")
        if self.cause and self.status != "failed":
            raise ValueError("a finished run has no cause of failure")
        if self.spec.role != "final" and (self.logits or any(k.startswith("test") for k in self.metrics)):
            raise ValueError(f"a {self.spec.role} run must not see test rows")
        return self

    def same_result(self, other: "Record") -> bool:
        """Whether both say the same; times, rates, certificates and the labels of their specs aside."""
        return self._result() == other._result()

    def _result(self) -> str:
        whole = plain(self)
        del whole["certificate"], whole["phases"]
        whole["spec"] = {key: value for key, value in whole["spec"].items() if key not in LABELS}
        return canonical_json(_timeless(whole))

    def to_json(self) -> str:
        """One line per part, so that a version control diff shows which part changed; `digest` covers all."""
        whole = plain(self)
        whole["digest"] = digest(whole)
        lines = [f"{json.dumps(key)}: {canonical_json(whole[key])}" for key in sorted(whole)]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote.

        Raises:
            LfmpError: the text is not a whole, true record; the message is one line.
        """
        try:
            data = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
            if not isinstance(data, dict):
                raise LfmpError("it holds no JSON object")
            stated = data.pop("digest", None)
            if stated is None:
                raise LfmpError("it has no digest")
            if stated != digest(data):
                raise LfmpError("its content is not what its digest was taken of")
            return cls(**data)
        except RecursionError:
            raise LfmpError("it is nested too deeply") from None
        except (ValueError, TypeError) as error:
            raise LfmpError(str(error).partition("\n")[0]) from None


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise LfmpError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _refused(constant: str) -> NoReturn:
    raise LfmpError(f"{constant} is no number of JSON")
