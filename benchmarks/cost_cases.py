"""Whose costs are measured: each method's phases of training, and the forms that are served."""

from dataclasses import dataclass, field
from typing import Any

from lfmp_book.lers import cf_arms, grids
from lfmp_core.budget import NOTHING, Budget

SPARSITY = 0.8  # LERS §5.2.5
CACHE = 0.1  # rows that TT-Rec keeps plainly, as a share of all: LERS Fig. 3 and 4
ORIGINAL, TT, CACHED = grids.ORIGINAL, "TT-Rec", grids.CACHED
STEP, CANDIDATE, REST, SCORE = "step", "candidate", "rest", "score"
PROFILES = {"server": 2048, "edge": 64}  # B, LERS §5.2.5
STAGES = ("train", "serve")
_ONE = {"generations": 0, "mutated": 1, "crossed": 0}  # an evolution of which only the end matters


@dataclass(frozen=True)
class CostCase:
    """A phase of a method, or the form that it serves.

    Attributes:
        method: as the pages call it. phase: in words.
        kind: what is timed: a `step` of the phase's own loop; a `candidate` of its evolution; the `rest` that
            follows a training; `score`, a batch of rows, or all users' and items' vectors.
        procedure: of this project, and its settings.
        call: of the trainers that the procedure asks for the one whose steps are timed.
        filled: TT-Rec's cache is filled first.
        kept: rows that were worked out are kept.
        heavy: takes seconds: few repeats will do.
    """

    method: str
    phase: str
    kind: str
    procedure: str
    settings: dict[str, Any] = field(default_factory=dict)
    call: int = 0
    filled: bool = False
    kept: bool = False
    heavy: bool = False

    @property
    def budget(self) -> Budget:
        """What is removed."""
        whole = self.procedure in ("no_selection", "quantise")
        return NOTHING if whole else grids.budget_of(self.method, SPARSITY)

    @property
    def candidates(self) -> int:
        """That the evolution values; 0 where there is none."""
        if self.kind != CANDIDATE:
            return 0
        from lfmp_core.methods import get_method

        own: Any = get_method(self.procedure).settings_type.model_validate(self.settings)
        law = getattr(own, "search", own).evolution
        return (law.mutated + law.crossed) * (law.generations + 1)


def _methods(task: str) -> dict[str, tuple[str, dict[str, Any]]]:
    of_clicks = {**grids.LERS_METHODS, "OptEmbed-D": ("optembed_d", {})}
    found = dict(cf_arms.METHODS) if task == "pairs" else of_clicks
    found[CACHED] = ("table", {"table": "tt_rec", "table_settings": {"cache_share": CACHE}})
    return found


def training(task: str) -> list[CostCase]:
    """Every phase of every method's training."""
    of = _methods(task)

    def case(method: str, phase: str, kind: str = STEP, **more: Any) -> CostCase:
        return CostCase(method, phase, kind, *of[method], **more)

    found = [
        CostCase(ORIGINAL, "train", STEP, "no_selection"),
        case("QR", "train"),
        case(TT, "train"),
        case(CACHED, "build cache"),
        case(CACHED, "train", filled=True),
        case("DHE", "train", heavy=True),
    ]
    for method in ("PEP", "CERP"):
        found += [case(method, "find mask"), case(method, "retrain", call=1)]
    for method in ("OptEmbed", "OptEmbed-D"):
        if method in of:
            found += [case(method, "supernet"), case(method, "evolve", CANDIDATE, heavy=True)]
            found += [case(method, "retrain", call=1)] if method == "OptEmbed" or task == "pairs" else []
    found.append(case("MagPrune", "prune", REST, heavy=True))
    found += [CostCase(name, "round", REST, *grids.ROUNDED[name], heavy=True) for name in ("int8", "int4")]
    return found


def serving(task: str) -> list[CostCase]:
    """The form that each method serves at the sparsity; TT-Rec and DHE also with rows kept."""
    of = _methods(task)
    if "OptEmbed" in of:
        del of["OptEmbed-D"]
        of["OptEmbed"] = ("optembed_budget", {"search": {"evolution": _ONE}})
    else:
        of["OptEmbed-D"] = ("optembed_d", {"evolution": _ONE})
    found = [CostCase(ORIGINAL, "as stored", SCORE, "no_selection")]
    names = ["QR", TT, CACHED, "DHE", "PEP", *(n for n in ("OptEmbed", "OptEmbed-D") if n in of), "CERP"]
    for name in names:
        procedure, settings = of[name]
        heavy = name == "DHE"
        found.append(
            CostCase(name, "as stored", SCORE, procedure, settings, filled=name == CACHED, heavy=heavy)
        )
        if name in (TT, "DHE") and task != "pairs":
            found.append(CostCase(name, "rows kept", SCORE, procedure, settings, kept=True))
    found.append(CostCase(grids.SMALLER, "as stored", SCORE, "smaller_dense"))
    found += [CostCase(name, "as stored", SCORE, *grids.ROUNDED[name]) for name in ("int8", "int4")]
    if task == "pairs":
        found += [CostCase(ORIGINAL, phase, SCORE, "no_selection") for phase in ("similarity", "ranking")]
    return found


def cases(task: str, stage: str) -> list[CostCase]:
    """All of a stage."""
    return training(task) if stage == "train" else serving(task)
