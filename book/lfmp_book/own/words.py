"""What a page on one's own data says in sentences, all of them put together from its runs."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.profiles import OWN
from lfmp_core.experiments.spec import plain
from lfmp_core.metrics import AUC

from ..claims.claim import Prose, literal
from ..evidence.outcomes import OUTCOMES, interval
from ..evidence.results import RANDOM_FIELDS, seeds_in_words
from ..show.answer import Answer
from ..show.words import listed, number
from .tables import way_name
from .ways import OwnRun, Way, whole_models

FEW = 100  # clicks, or others, among the test rows, with which hardly anything can be told


def answer(own: OwnRun, ways: Sequence[Way]) -> Answer:
    """How good the whole model is, how the others compare, and which weighs least at no shown loss."""
    several, schema = own.run.backbone.nunique() > 1, own.data.schema
    rows, clicks = schema.rows["test"], schema.positives["test"]
    each = [
        f"{way.runs.test_auc.mean():.4f}{f' ({backbone})' * several}"
        for backbone, way in whole_models(ways).items()
    ]
    lines = [
        f"On {schema.name} the whole model reaches a test AUC of {listed(each)} with {schema.num_fields} "
        "fields."
    ]
    whole = whole_models(ways)
    others = [way for way in ways if _removes(way, whole) and way.arm != RANDOM_FIELDS]
    if others:
        counts = {word: sum(way.outcome.outcome == word for way in others) for word in OUTCOMES}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        lines.append(f"Of {number(len(others), 'way')} of removing a part, beside it: {told}.")
        lines.append(_lightest(others, whole, several))
    drawn = [way for way in others if way.drawn is not None]
    if drawn:
        better = [way for way in drawn if way.drawn.outcome == "better"]
        told = f": {listed([way_name(way, several) for way in better[:6]])}" if better else ""
        lines.append(
            f"Better than as many fields at random: {len(better)} of {len(drawn)}{told}"
            f"{f' and {len(better) - 6} more' if len(better) > 6 else ''}."
        )
    if min(clicks, rows - clicks) < FEW:
        what = "clicks" if clicks < rows - clicks else "rows without a click"
        few = min(clicks, rows - clicks)
        lines.append(f"**With {few} {what} among the test rows hardly anything can be told.**")
    seeds = seeds_in_words(pd.Series([len(way.runs) for way in ways]))
    return Answer(
        tuple(lines),
        f"{clicks:,} clicks among {rows:,} test rows, {seeds} a line. Intervals of 95 %; better, worse "
        f"and equal (within ± {AUC.margin:g}) hold for all lines together.",
    )


def _removes(way: Way, whole: dict[str, Way]) -> bool:
    return way.outcome is not None and way.table_bytes < whole[way.backbone].table_bytes


def _lightest(others: Sequence[Way], whole: dict[str, Way], several: bool) -> str:
    """The way that weighs least of those that are not shown to be worse."""
    fine = [way for way in others if way.outcome.outcome in ("better", "equal")]
    open_ones = [way for way in others if way.outcome.outcome == "undecided"]
    if not (fine or open_ones):
        return "**Each of them is shown to be worse.**"
    way = min(fine or open_ones, key=lambda one: one.table_bytes)
    base, o = whole[way.backbone], way.outcome
    of = "shown to lose nothing" if fine else "not shown to be worse"
    return (
        f"**The smallest table {of} is that of {way_name(way, several)}**: {way.table_bytes:,.0f} of "
        f"{base.table_bytes:,.0f} bytes ({way.table_bytes / base.table_bytes:.1%}), test AUC "
        f"{interval(o.gain, o.low, o.high)}" + ("." if fine else "; its interval leaves a loss open.")
    )


def field_sentence(own: OwnRun, ways: Sequence[Way]) -> Prose | None:
    """Which fields every way of choosing keeps in every training, and which none keeps."""
    kept = [
        set(one)
        for way in ways
        for one in way.runs.kept_fields
        if way.arm != RANDOM_FIELDS and len(one) < len(own.names)
    ]
    if not kept:
        return None
    always, never = set.intersection(*kept), set(range(len(own.names))) - set.union(*kept)
    named_in = lambda fields: listed([literal(own.names[f]) for f in sorted(fields)])
    return Prose(
        (
            f"Kept in each of the {len(kept)} trainings that choose: {named_in(always)}.",
            f"Kept in none of them: {named_in(never)}.",
        )
    )


def what_was_run(own: OwnRun, failed: Sequence[str] = ()) -> Prose:
    """Rows, models, protocol and number of trainings.

    Args:
        failed: a line for each training that has not ended.
    """
    schema, found = own.data.schema, []
    rows = ", ".join(
        f"{n:,} {split} rows ({schema.positives[split]:,} clicks)" for split, n in schema.rows.items()
    )
    sizes = "the sizes for one's own data" if own.profile == OWN else f"the sizes of profile {own.profile}"
    trainings = sum(len(grid.plan(own.store)) for grid in own.grids)
    found.append(f"{literal(schema.name)}: {rows}; {schema.num_fields} fields, {schema.num_ids:,} ids.")
    found.append(f"{number(trainings, 'training')}, with {sizes}:")
    found += dict.fromkeys(map(_grid, own.grids))
    found += [f"Failed: {literal(line)}." for line in failed]
    if own.profile == OWN:
        found.append("Other sizes: `-p profile paper` for the papers' own, `-p profile quick` for a glance.")
    return Prose(tuple(found))


def _name(key: str) -> str:
    return {"l2": "weight decay"}.get(key, key.replace("_", " "))


def _grid(grid: Grid) -> str:
    training = plain(grid.training)
    models = []
    for backbone in map(plain, grid.backbones):
        hidden = "-".join(map(str, backbone.get("hidden", ())))
        models.append(
            f"{backbone['name']} (D = {backbone['embedding_dim']}{f', hidden {hidden}' * bool(hidden)})"
        )
    if grid.picks is not None:
        chosen = "hyper-parameters as its search chose"
    elif grid.tpe is not None:
        trials, space = number(grid.tpe.trials, "trial"), listed([*map(_name, grid.tpe.space)])
        chosen = f"a search of {trials} over {space} for each method, by validation AUC"
    else:
        tried = [", ".join(f"{_name(k)} {v:g}" for k, v in c.items()) for c in grid.candidates if c]
        chosen = f"{' or '.join(tried) or 'fixed settings'}" + ", chosen by validation AUC" * (len(tried) > 1)
    arms = listed([*dict.fromkeys(arm.label for arm in grid.arms)])
    seeds = len(grid.seeds) or len(grid.search_seeds)
    return (
        f"{listed(list(dict.fromkeys(models)))}; {literal(arms)}; {number(seeds, 'seed')}; batches of "
        f"{training['batch_size']:,}, at most {number(training['epochs'], 'epoch')}, ended by validation; "
        f"{chosen}."
    )
