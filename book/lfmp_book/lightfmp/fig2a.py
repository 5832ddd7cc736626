"""Light-FMP's Figure 2a: pretraining and continued training of the two-stage deep methods on Criteo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.experiments.items import Grid

from ..claims import told
from ..claims.cases import Case, all_of, negated
from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.pending import NOT_YET as NO_RECORDS
from ..claims.test import Test
from ..evidence import datasets, published, results
from ..evidence.frames import COMPARED, framed
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.comparison import ResultColumn, comparison
from ..show.html import HtmlTable
from .arms import LITERAL, OURS, judged
from .selectors import ITEM, KINDS, PRINTED, arm_kind, arms_of, part, relative, seeds_of
from .values import BASE_SECONDS
from .view import TWO_STAGE, View

PHASES = {"PT": "#8a6100", "CT": "#89c2d9"}
SHOWN = (ALL_FIELDS, *KINDS["deep, two stages"], RANDOM_FIELDS)


def grid_of(grids: Sequence[Grid]) -> Grid:
    """The first grid of Table 2 with the arms that have two stages, all fields and random fields."""
    arms = [a for a in grids[0].arms if a.label in SHOWN or arm_kind(a.label) == "Light-FMP"]
    return replace(grids[0], arms=arms)


def on_criteo(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs of a frame on Criteo, or on rows of no set of the paper's, that this page shows."""
    own = part(frame, "Criteo")
    return own[own.arm.isin(SHOWN) | (own.arm.map(arm_kind) == "Light-FMP")]


def stated() -> pd.DataFrame:
    """What the paper states in seconds, by its method: PT and CT by the text, TT by Table 2."""
    figure = published.printed_table("lightfmp_fig2").query("figure == '2a'")
    found = figure.pivot(index="method", columns="quantity", values="value")
    table2 = published.printed_table("lightfmp_table2").query("dataset == 'Criteo'").set_index("method")
    total = (table2.tt * BASE_SECONDS["Criteo"]).rename("TT")
    return found.join(total, how="outer").loc[[PRINTED[a] for a in (ALL_FIELDS, *TWO_STAGE, LITERAL)]]


def times_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Paper | reference | this run: seconds of pretraining and of continued training.

    Args:
        reference, run: see `results.frame`.
    """
    train_rows = datasets.description("criteo")["rows"]["train"]
    paper, reference, run = stated(), on_criteo(reference), on_criteo(run)
    others = ", ".join(run.dataset.unique())
    frames = {k: f for k, f in {"reference": reference, f"this run ({others})": run}.items() if len(f)}
    printed = {a: PRINTED[a] for a in (ALL_FIELDS, *TWO_STAGE, LITERAL)}
    ours = reference[reference.arm == LITERAL].PT.mean()
    arms = arms_of(pd.DataFrame({"arm": list(printed)}), *frames.values())
    epoch = relative(reference.assign(epoch=reference.CT / reference.epochs), "epoch")

    def at_par(own: pd.DataFrame, arm: str) -> int | None:
        theirs = own.PT.mean() if arm_kind(arm) == "deep, two stages" else 0
        return round(train_rows * ours / theirs) if theirs and ours == ours else None

    here, there, paper_s = tuple(frames), ("reference",), "paper, s"
    columns = [
        *(ResultColumn(phase, phase, sides=(paper_s,)) for phase in ("PT", "CT", "TT")),
        *(ResultColumn(phase, f"{phase}, s", 1, sides=here) for phase in ("PT", "CT")),
        ResultColumn("epochs", "epochs", sides=there, of=lambda own, _: float(own.epochs.mean())),
        ResultColumn("epoch", "CT of an epoch ×", sides=there, of=lambda _, arm: epoch(arm)),
        ResultColumn("par", "rows at par", sides=there, of=at_par),
    ]
    formats = {("paper, s", c): ",.1f" for c in ("PT", "CT", "TT")}
    if len(reference):
        formats |= {("reference", "epochs"): ".1f", ("reference", "rows at par"): ",.0f"}
    said_of = [f"{h}: {seeds_of(f)}" for h, f in frames.items()]
    said_of += [] if len(reference) else [f"reference: {NO_RECORDS}"]
    note = (
        f"{'; '.join(said_of)}; processor seconds on one thread, mean ± standard deviation. The paper's PT "
        "and CT are all that its text states; its TT is Table 2's ratio of "
        f"{BASE_SECONDS['Criteo']:,} s. ×: over all fields. "
        "Rows at par: training rows at which the search takes as long as the fixed number of steps of "
        "Light-FMP, as printed, if the search grows with the rows."
    )
    return comparison(
        [(arm,) for arm in arms],
        {"arm": "selector"},
        columns,
        lambda arm: paper.loc[printed[arm]].to_dict() if arm in printed else {},
        frames,
        printed=paper_s,
        caption="Seconds of pretraining (PT) and of continued training (CT)",
        formats=formats,
        rule=[arm_kind(arm) for arm in arms],
        note=note,
    )


def picture(frames: Mapping[str, pd.DataFrame]) -> Figure:
    """Stacked bars, one panel for the paper's stated seconds and one for each frame.

    Args:
        frames: title → runs; see `results.frame`. Empty ones are left out.
    """
    panels = {"paper, as far as stated": _stated_bars()}
    for title, frame in frames.items():
        own = on_criteo(frame)
        if len(own):
            means = own.groupby("arm")[list(PHASES)].mean()
            panels[title] = means.loc[[arm for arm in arms_of(own) if arm in means.index]]
    heights = [len(bars) + 1.6 for bars in panels.values()]
    figure = Figure(figsize=(7.2, 0.26 * sum(heights) + 0.5), layout="constrained")
    axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, (title, bars) in zip(axes, panels.items(), strict=True):
        left = pd.Series(0.0, index=bars.index)
        for phase, colour in PHASES.items():
            axis.barh(bars.index, bars[phase].fillna(0), left=left, color=colour, height=0.72, label=phase)
            left += bars[phase].fillna(0)
        for i, (_, bar) in enumerate(bars.iterrows()):
            numbers = [
                f"{p} {round(bar[p], 1):,g}" if bar[p] == bar[p] else f"{p} not stated" for p in PHASES
            ]
            axis.text(left.iloc[i], i, "  " + ", ".join(numbers), va="center", fontsize=8, color="#444444")
        axis.set_xlim(0, left.max() * 1.45)
        axis.invert_yaxis()
        axis.set_title(title, loc="left", fontsize=9.5)
        axis.tick_params(labelsize=8.5)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("seconds", fontsize=9)
    handles, _ = axes[0].get_legend_handles_labels()
    figure.legend(handles, ["pretraining (PT)", "continued training (CT)"], ncols=2, frameon=False,
                  fontsize=9, loc="outside upper right")  # fmt: skip
    return figure


def _stated_bars() -> pd.DataFrame:
    bars = stated()[list(PHASES)]
    return bars[bars.notna().any(axis=1)]


def _against(
    column: str, at_most: float = 1.0, also: Callable[[View, str], bool | None] = lambda *_: True
) -> Callable[[View], list[Case]]:
    """On Criteo, a column clearly below each two-stage deep baseline's, and at most so much of it."""

    def cases(v: View) -> list[Case]:
        found = []
        for m in TWO_STAGE:
            ratio, measured = (v.ratio("Criteo", v.arm, c, m) for c in (column, column.split()[0]))
            figure = "" if ratio is None else f"× {ratio:.2g}"
            figure += f" (measured {measured:.2g})" if measured != ratio else ""
            passed = all_of(v.below("Criteo", v.arm, m, column, at_most), also(v, m))
            found.append(Case("Criteo", m, passed, figure))
        return found

    return cases


def _no_more_epochs(v: View, other: str) -> bool | None:
    return negated(v.below("Criteo", other, v.arm, "epochs"))


def _light(v: View) -> list[Case]:
    own, whole = v.runs("Criteo", v.arm), v.runs("Criteo", ALL_FIELDS)
    if own is None or whole is None:
        return [Case("Criteo", "", None)]
    scaled_share, share = (own[column].mean() / whole.TT.mean() for column in ("PT scaled", "PT"))
    passed = told.below(own["PT scaled"], whole.TT, 0.1)
    return [Case("Criteo", "", passed, f"{scaled_share:.2%} (measured {share:.0%})")]


def _rest(v: View) -> list[Case]:
    ratio = v.ratio("Criteo", v.arm, "epoch", RANDOM_FIELDS)
    return [
        Case(
            "Criteo",
            RANDOM_FIELDS,
            v.below("Criteo", v.arm, RANDOM_FIELDS, "epoch"),
            f"× {ratio:.2f}" if ratio else "",
        )
    ]


_LEAST = "by Welch's t at 95 % than OptFS, OptEmbed and AutoField"
TESTS = (
    Test(
        ("abstract-2a", "2.7-2"),
        "pretraining (scaled) at most a tenth of the total time of all fields",
        _light,
    ),
    Test(
        ("4.2-2a",),
        f"less pretraining (scaled) {_LEAST}, and at most half of theirs",
        _against("PT scaled", 0.5),
    ),
    Test(
        ("4.2-3a",),
        f"less continued training {_LEAST}",
        _against("CT"),
    ),
    Test(
        ("2.5-1a",),
        f"less continued training {_LEAST}, in no more epochs",
        _against("CT", also=_no_more_epochs),
    ),
    Test(
        ("4.2-1a",),
        f"less total time (scaled) {_LEAST}",
        _against("TT scaled"),
    ),
    Test(
        ("4.2-5a",),
        "an epoch takes less by Welch's t at 95 % than with as many random fields, which sees all rows",
        _rest,
    ),
)


def claims(reference: pd.DataFrame) -> list[Claim]:
    """What §4.2 says of Figure 2a, and its like, judged on the reference records of Criteo."""
    view = View(reference, framed((), COMPARED))
    return judged("lightfmp_fig2a", TESTS, {arm: view.of(arm) for arm in OURS})


JUDGE = Judge(
    "lightfmp_fig2a",
    "lightfmp_fig2a_phase_times",
    TESTS,
    lambda: on_criteo(results.reference_frame(ITEM)),
    claims,
)
