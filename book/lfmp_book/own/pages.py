"""The pages on one's own data: what each runs, and what it adds to the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lfmp_core.data import InteractionData
from lfmp_core.data.cli import describe_dataset
from lfmp_core.data.interactions.shown import describe_interactions
from lfmp_core.experiments.items import Grid

from ..evidence import datasets, results
from ..lers import cf_grids, search, search_figures
from ..lers import fig2 as lers_fig2
from ..lers import fig6 as lers_fig6
from ..lers import grids as lers
from ..lers.table5 import costs
from ..lers.table5 import page as table5
from ..lers.table6 import page as table6
from ..lightfmp import choice_grids, fig2a, fig2b, fig2c, fig2d, fig3
from ..lightfmp import grids as lightfmp
from ..lightfmp import selection_grids as selection
from ..lightfmp.table2 import shadows
from ..show.figures import Picture
from ..show.html import Spread, table
from ..show.words import percent
from .ways import OwnRun

Parts = Iterator[Any]


def nothing(own: OwnRun) -> Parts:
    """A page that adds nothing."""
    yield from ()


@dataclass(frozen=True)
class OwnPage:
    """A page on one's own data.

    Attributes:
        grids: makes its grids, called with the profile, `dataset` and what was given of its parameters; None:
            it describes the data and runs nothing.
        more: what it shows below what all pages show. beside: grids of its runs that are no trainings.
        holds: what the data has to hold.
    """

    grids: Callable[..., Grid | Sequence[Grid]] | None
    more: Callable[[OwnRun], Parts] = nothing
    beside: Callable[..., Sequence[Grid]] | None = None
    holds: Literal["clicks", "interactions"] = "clicks"


def _phases(profile: str, **given: Any) -> list[Grid]:
    return [fig2a.grid_of(selection.table2(profile, **given))]


def _first_set(make: Callable[..., Sequence[Grid]]) -> Callable[..., Sequence[Grid]]:
    return lambda profile, **given: make(profile, sets="criteo", **given)


def _few_lists(profile: str, **given: Any) -> list[Grid]:
    """LightGCN at two sparsities with short searches, unless others are asked for."""
    few: dict[str, Any] = {"recommenders": "lightgcn", "sparsities": (0.5, 0.8), "trials": 4}
    return cf_grids.table6(profile, **few | given)


def _controls(own: OwnRun) -> Parts:
    run = table6.completed(own.run)
    yield table6.controls_table(own.data.schema.name, run[:0], run)


def _shadows(own: OwnRun) -> Parts:
    made = shadows.false_discoveries(results.choice_frame(own.grids, own.store))
    if not len(made):
        return
    rows = [
        {
            "selector": arm,
            "shadows among the kept": Spread.over(part, "share", 2),
            "below chance": f"{(part.shadows < part.limit).sum()} of {len(part)}",
        }
        for arm, part in made.groupby("arm", sort=False)
    ]
    note = (
        "Each field gets a shadow: its own values, shuffled over the rows, which say nothing of the click. "
        "Share of shadows among the kept; a blind choice has .50. Below chance: seeds that keep fewer than "
        "95 of 100 blind draws do."
    )
    yield table(pd.DataFrame(rows), caption="Fields without meaning among those kept", note=note)


def _kept_weights(own: OwnRun) -> Parts:
    yield fig2b.kept_difference_table(fig2b.gains(own.run, own.compared))


def _ratios(own: OwnRun) -> Parts:
    words = "Test AUC, log-loss and total training time by prune ratio, a line an arm."
    yield Picture(fig2c.picture(own.run), words, wide=True)
    yield fig2c.unpruned_table(own.compared)
    yield fig2c.free_shares(own.compared)


def _stability(own: OwnRun, runs: pd.DataFrame) -> Any:
    schema = own.clicks.schema
    return fig3.stability_table(runs, schema.field_names, schema.field_sizes)


def _sizes(own: OwnRun) -> Parts:
    if (own.compared.arm.map(fig2d.rows_pretrained_on) > 0).any():
        words = "Difference to random fields by pretraining rows, with a band, and all fields as a line."
        yield Picture(fig2d.picture(own.compared), words, wide=True)
        yield fig2d.sizes_in_words(own.compared)
    yield _stability(own, fig2d.sized(own.run))


def _gates(own: OwnRun) -> Parts:
    words = "Gates by field, arm and prune ratio, kept fields marked."
    yield Picture(fig3.gate_heatmap(own.run, own.names), words, wide=True)
    yield _stability(own, own.run)


def _compressed(own: OwnRun) -> Parts:
    run = table5.completed(own.run, own.grids, own.store)
    if run.before.notna().any():
        yield costs.retraining_table(run)


def _frequency(own: OwnRun) -> Parts:
    found = lers_fig2.curves(own.grids, own.store)
    if not len(found):
        return
    ranks = lers_fig2.correlations(lers_fig2.once(found), "magnitude")
    rows = [
        {"field": field, "ids": part.ids.iloc[0], "rank correlation": Spread.over(part, "rank", 2)}
        for field, part in ranks.groupby("field", sort=False)
    ]
    note = "Spearman's, of frequency and mean |E|, over buckets of ids that occur 1, 2–3, 4–7, … times."
    yield table(pd.DataFrame(rows), caption="Frequency and magnitude", note=note)
    words = "Mean magnitude of embeddings by frequency of their ids: two fields, then all."
    yield Picture(lers_fig2.picture(found), words)
    yield lers_fig2.removed_table(found)
    words = "Share of numbers that MagPrune leaves, by frequency of ids and sparsity."
    yield Picture(lers_fig2.kept_picture(found), words)


def _decays(own: OwnRun) -> Parts:
    found = lers_fig6.finished_runs(own.grids, own.store)
    rows = [
        {
            "method": best.arm,
            "t": percent(best.sparsity),
            "best λ": f"{best.best:g}{' (border)' * bool(best.border)}",
            "not told from it": ", ".join(f"{x:g}" for x in best.tied if x != best.best) or "none",
        }
        for best in lers_fig6.DECAY.preferred(found).itertuples()
    ]
    note = "Not told from it: values whose mean is not below the best one's by Welch's t at 95 %."
    yield table(pd.DataFrame(rows), caption="Which weight decay is best", group="method", note=note)
    yield Picture(lers_fig6.picture(found), "Validation AUC by weight decay, a line a sparsity.")
    yield lers_fig6.score_table(found)


def _searched(own: OwnRun) -> Parts:
    found, name = search.trials(own.grids, own.store), own.data.schema.name
    yield search.chosen_table(found, name)
    yield search.border_table(found)
    if found.score.notna().any():
        yield Picture(search_figures.progress_picture(found), "Best validation AUC by trial and method.")
        yield Picture(search_figures.scatter_picture(found), "AUC of each trial by hyper-parameter.")


def _described_pairs(own: OwnRun) -> Parts:
    assert isinstance(own.data, InteractionData)
    yield datasets.interactions_table(describe_interactions(own.data))


def _described(own: OwnRun) -> Parts:
    described, rows = describe_dataset(own.clicks), []
    for split, count in described["rows"].items():
        clicks = described["positives"][split]
        error = datasets.auc_error(0.75, clicks, count - clicks) if 0 < clicks < count else None
        share = clicks / count if count else None
        rows.append({"split": split, "rows": count, "clicks": clicks, "share": share, "± of an AUC": error})
    note = "± of an AUC: its standard error on so many rows of each class, were it .75 (Hanley and McNeil)."
    formats = {"share": ".2%", "± of an AUC": ".4f"}
    yield table(pd.DataFrame(rows), caption=f"{described['name']}: rows", formats=formats, note=note)
    yield datasets.fields_table(described)


PAGES: Mapping[str, OwnPage] = {
    "lightfmp_table1_datasets": OwnPage(None, _described),
    "lightfmp_table2_overall": OwnPage(_first_set(selection.table2), _shadows, choice_grids.shadows),
    "lightfmp_table3_backbones": OwnPage(lightfmp.table3),
    "lightfmp_fig2a_phase_times": OwnPage(_first_set(_phases)),
    "lightfmp_fig2b_domain_init": OwnPage(selection.fig2b, _kept_weights),
    "lightfmp_fig2c_prune_ratio": OwnPage(lightfmp.fig3, _ratios),
    "lightfmp_fig2d_pretrain_size": OwnPage(selection.fig2d, _sizes),
    "lightfmp_fig3_mask": OwnPage(lightfmp.fig3, _gates),
    "lers_table2_ctr_datasets": OwnPage(None, _described),
    "lers_table3_cf_datasets": OwnPage(None, _described_pairs, holds="interactions"),
    "lers_table4_search": OwnPage(_first_set(lers.table4), _searched),
    "lers_table5_ctr": OwnPage(_first_set(lers.table5), _compressed),
    "lers_table6_cf": OwnPage(_few_lists, _controls, holds="interactions"),
    "lers_fig2_frequency": OwnPage(_first_set(lers_fig2.grids), _frequency),
    "lers_fig6_weight_decay": OwnPage(lers.fig6, _decays),
    "data": OwnPage(None, _described),
}
