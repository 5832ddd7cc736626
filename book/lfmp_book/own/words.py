"""What a page on one's own data says in sentences, all of them put together from its runs."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.data import InteractionData
from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.profiles import OWN
from lfmp_core.experiments.spec import plain
from lfmp_core.metrics import Metric

from ..claims.claim import Prose, literal
from ..evidence.outcomes import OUTCOMES, interval
from ..evidence.results import RANDOM_FIELDS, seeds_in_words
from ..lers.cf_arms import CONTROLS
from ..show.answer import Answer
from ..show.words import listed, number
from .tables import way_name
from .ways import OwnRun, Way, whole_models

FEW = 100  # clicks, or others, among the test rows, or test users, with which hardly anything can be told


def answer(own: OwnRun, ways: Sequence[Way]) -> Answer:
    """How good the whole model is, how the others compare, and which weighs least at no shown loss."""
    whole, decides = whole_models(ways), own.metrics[0]
    several = len(whole) > 1
    each = [
        f"{way.runs[f'test_{decides.name}'].mean():.4f}{f' ({backbone})' * several}"
        for backbone, way in whole.items()
    ]
    lines = [
        f"On {own.data.schema.name} the whole model reaches a test {decides.title} of {listed(each)} "
        f"{_made_of(own)}."
    ]
    lines += _controls(own, whole, decides)
    others = [way for way in ways if _removes(way, whole) and way.arm != RANDOM_FIELDS]
    if others:
        counts = {word: sum(way.outcome.outcome == word for way in others) for word in OUTCOMES}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        lines.append(f"Of {number(len(others), 'way')} of removing a part, beside it: {told}.")
        lines.append(_lightest(others, whole, decides, several))
    drawn = [way for way in others if way.drawn is not None]
    if drawn:
        better = [way for way in drawn if way.drawn.outcome == "better"]
        told = f": {listed([way_name(way, several) for way in better[:6]])}" if better else ""
        lines.append(
            f"Better than as many fields at random: {len(better)} of {len(drawn)}{told}"
            f"{f' and {len(better) - 6} more' if len(better) > 6 else ''}."
        )
    few, tested = _few(own)
    if few:
        lines.append(f"**With {few} hardly anything can be told.**")
    seeds = seeds_in_words(pd.Series([len(way.runs) for way in ways]))
    return Answer(
        tuple(lines),
        f"{tested}, {seeds} a line. Intervals of 95 %; better, worse and equal (within ± "
        f"{decides.margin:g}) hold for all lines together.",
    )


def _controls(own: OwnRun, whole: dict[str, Way], decides: Metric) -> list[str]:
    """What knows less, and whether the whole model is better at all; nothing where there are no controls."""
    score = f"test_{decides.name}"
    scores = {arm: own.run[own.run.arm == arm][score].mean() for arm in CONTROLS if arm in set(own.run.arm)}
    if not scores:
        return []
    told = listed([f"{arm} {value:.4f}" for arm, value in scores.items()])
    least = min(way.runs[score].mean() for way in whole.values())
    below = [arm for arm, value in scores.items() if value >= least]
    if below:
        return [f"**What knows less is as good and better**: {told}. First the whole model has to beat it."]
    return [f"What knows less: {told}."]


def _made_of(own: OwnRun) -> str:
    if isinstance(own.data, InteractionData):
        return f"for {own.data.num_users:,} users of {own.data.num_items:,} items"
    return f"with {own.clicks.schema.num_fields} fields"


def _few(own: OwnRun) -> tuple[str, str]:
    """What there are too few of to test on, empty where there are enough; and what is tested on."""
    if isinstance(own.data, InteractionData):
        users = int((own.data.splits["test"].degrees() > 0).sum())
        tested = f"{users:,} users with test items"
        return tested * (users < FEW), tested
    rows, clicks = own.clicks.schema.rows["test"], own.clicks.schema.positives["test"]
    few = min(clicks, rows - clicks)
    what = "clicks" if clicks < rows - clicks else "rows without a click"
    few_of = f"{few} {what} among the test rows" * (few < FEW)
    return few_of, f"{clicks:,} clicks among {rows:,} test rows"


def _removes(way: Way, whole: dict[str, Way]) -> bool:
    return way.outcome is not None and way.table_bytes < whole[way.backbone].table_bytes


def _lightest(others: Sequence[Way], whole: dict[str, Way], decides: Metric, several: bool) -> str:
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
        f"{base.table_bytes:,.0f} bytes ({way.table_bytes / base.table_bytes:.1%}), test "
        f"{decides.title} {interval(o.gain, o.low, o.high)}"
        + ("." if fine else "; its interval leaves a loss open.")
    )


def field_sentence(own: OwnRun, ways: Sequence[Way]) -> Prose | None:
    """Which fields every way of choosing keeps in every training, and which none keeps."""
    kept = [
        set(one)
        for way in (ways if own.names else ())
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
    found = []
    sizes = "the sizes for one's own data" if own.profile == OWN else f"the sizes of profile {own.profile}"
    trainings = sum(len(grid.plan(own.store)) for grid in own.grids)
    found.append(f"{literal(own.data.schema.name)}: {_size(own)}.")
    found.append(f"{number(trainings, 'training')}, with {sizes}:")
    found += dict.fromkeys(_grid(grid, own.metrics[0]) for grid in own.grids)
    found += [f"Failed: {literal(line)}." for line in failed]
    if own.profile == OWN:
        found.append(
            "The parameters' defaults are the book's and were not used: what is given by `-p` counts. Other "
            "sizes as a whole: `-p profile paper` for the papers' own, `-p profile quick` for a glance."
        )
    return Prose(tuple(found))


def _size(own: OwnRun) -> str:
    """Rows, or pairs, of each split, and of what they are."""
    if isinstance(own.data, InteractionData):
        pairs = ", ".join(f"{n:,} {split} pairs" for split, n in own.data.schema.pairs.items())
        return f"{pairs}; {own.data.num_users:,} users, {own.data.num_items:,} items"
    schema = own.clicks.schema
    rows = ", ".join(
        f"{n:,} {split} rows ({schema.positives[split]:,} clicks)" for split, n in schema.rows.items()
    )
    return f"{rows}; {schema.num_fields} fields, {schema.num_ids:,} ids"


def _name(key: str) -> str:
    return {"l2": "weight decay", "contrast": "weight of InfoNCE"}.get(key, key.replace("_", " "))


def _grid(grid: Grid, decides: Metric) -> str:
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
        chosen = f"a search of {trials} over {space} for each method, by validation {decides.title}"
    else:
        tried = [", ".join(f"{_name(k)} {v:g}" for k, v in c.items()) for c in grid.candidates if c]
        chosen = f"{' or '.join(tried) or 'fixed settings'}" + f", chosen by validation {decides.title}" * (
            len(tried) > 1
        )
    arms = listed([*dict.fromkeys(arm.label for arm in grid.arms)])
    seeds = len(grid.seeds) or len(grid.search_seeds)
    if {arm.label for arm in grid.arms} <= set(CONTROLS):
        return f"{literal(arms)}; {number(seeds, 'seed')}; {chosen}."
    return (
        f"{listed(list(dict.fromkeys(models)))}; {literal(arms)}; {number(seeds, 'seed')}; batches of "
        f"{training['batch_size']:,}, at most {number(training['epochs'], 'epoch')}, ended by validation; "
        f"{chosen}."
    )
