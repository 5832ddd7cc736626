"""What may be said, in sentences put together from records."""

from collections.abc import Collection, Sequence

from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.stats import plus_minus
from lfmp_core.training import TrainingSettings

from ..claims.claim import Prose, literal
from ..show.answer import Answer
from .advise import LEAST_CLICKS, Advice, Held
from .choice import Option
from .costs import COUNTS, TITLES
from .grids import CHANCE, DIMENSION, Stage

SHOWN = 60  # kept fields that a sentence names


def what_stays(option: Option) -> str:
    """What is left of the model, in a few words."""
    record, spec = option.own[0], option.own[0].spec
    settings = spec.method_settings
    kept, fields = record.sizes["fields_kept"], option.whole[0].sizes["fields_kept"]
    dim = record.details.get("embedding_dim", spec.backbone["embedding_dim"])
    name = option.label.partition(", int")[0].partition(f", {dim} dimensions")[0]
    parts = []
    if option.label == CHANCE:
        parts.append(f"{kept:.0f} of {fields:.0f} fields at random")
    elif kept < fields:
        parts.append(f"{kept:.0f} of {fields:.0f} fields ({name})")
    if spec.method == "table":
        parts.append(f"a {name} table of {100 * (1 - option.budget.share):.3g} % of the numbers")
    if dim != DIMENSION:
        parts.append(f"{dim} dimensions")
    if spec.method == "quantise":
        parts.append(f"{settings['bits']} bits a number")
    return ", ".join(parts)


def amount(value: float, count: str) -> str:
    """A number of what counts."""
    return f"{value:,.1f}" if "seconds" in count else f"{value:,.0f}"


def saving(option: Option, count: str) -> str:
    """What is left of what counts."""
    mean = [sum(map(COUNTS[count], many)) / len(many) for many in (option.own, option.whole)]
    own, whole = (amount(value, count) for value in mean)
    return f"{own} of {whole} {TITLES[count]} are left ({100 * option.share(count):.3g} %)"


def lost(one: Held) -> str:
    """A loss with its interval, where there is one."""
    if not one.told:
        return f"{round(one.loss, 4) + 0.0:+.4f} (its interval can't be stated from so few rows)"
    return f"{one.loss:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


def kept_in_words(option: Option, names: Sequence[str], constant: Collection[int] = ()) -> str:
    """Fields by name, of the training that is served; how surely the others of its seeds keep them.

    Args:
        constant: positions of fields that tell nothing, whoever keeps them.
    """
    best = max(option.own, key=lambda own: own.metrics["val_auc"])
    every = best.details["kept_fields"]
    if len(every) == len(names):
        return ""
    kept, idle = [f for f in every if f not in constant], [names[f] for f in every if f in constant]
    shown = ", ".join(names[f] for f in kept[:SHOWN])
    shown += f" and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
    seeds = len(option.own)
    always = len(set(kept).intersection(*(own.details["kept_fields"] for own in option.own)))
    text = f"It reads {shown or 'no field that tells anything'}."
    if kept and always < len(kept) / 2:
        text += (
            f" The choice is one seed's: of these {len(kept)} fields {always or 'none'} "
            f"{'is' if always < 2 else 'are'} kept by each of its {seeds} seeds."
        )
    elif kept:
        text += (
            f" Of these fields {always} {'is' if always == 1 else 'are'} kept by each of its {seeds} seeds."
        )
    if idle:
        text += (
            f" It takes {', '.join(idle)} as well, in which all training rows look the same: leave that out "
            "(--drop)."
        )
    return text


def answer(advice: Advice, names: Sequence[str]) -> Answer:
    """The recommendation with its loss and its saving, or why there is none.

    Args:
        names: of the fields.
    """
    rows = f"{advice.clicks:,} clicks among {advice.clicks + advice.others:,} test rows"
    leak = (f"**{advice.leak}**",) if advice.leak else ()
    if advice.said == "too few clicks":
        few = "clicks" if advice.clicks < advice.others else "rows without a click"
        return Answer(
            (
                *leak,
                "**Nothing is recommended: the data is too small to say.** There are "
                f"{rows}; with fewer than {LEAST_CLICKS} {few} a loss of {advice.allowed:g} can't be told "
                "from luck. Collect more rows, or prepare the data with a larger share for tests.",
            )
        )
    if advice.said == "too little tried":
        return Answer(
            (
                *leak,
                "**Nothing is recommended: too little was tried.** No way of removing a part that saves "
                f"{TITLES[advice.count]} was trained with two seeds. Give more minutes.",
            )
        )
    if advice.best is None:
        return Answer((*leak, _nothing(advice, rows)))
    one = advice.best
    lines = [
        *leak,
        f"**Keep {what_stays(one.option)}.** Its loss of test AUC to the whole model is {lost(one)}"
        f"{', a gain' * (one.loss < 0)}, where {advice.allowed:g} is allowed; "
        f"{saving(one.option, advice.count)}.",
        kept_in_words(one.option, names, advice.constant),
        "As many fields at random were not tried beside these: chance may choose as well." * advice.blind,
        _unsteady(advice) if advice.unsteady else "",
    ]
    held, seeds = _all_of(len(advice.held)), len(one.option.seeds)
    sure = (
        f"The interval is of 95 % for {held} held against the whole model on test rows, paired over {rows} "
        f"and {seeds} seeds. They were chosen on validation rows."
        if one.told
        else f"No resample of the test rows ({rows}) and none of {seeds} seeds differs, which tells "
        "nothing of other rows. What was held against the whole model was chosen on validation rows."
    )
    return Answer(tuple(filter(None, lines)), sure)


def _all_of(count: int) -> str:
    return f"all {count} ways that were" if count > 1 else "the one way that was"


def _nothing(advice: Advice, rows: str) -> str:
    safest = min(advice.held, key=lambda one: one.high)
    text = (
        f"**Nothing is recommended**: no way is shown to lose at most {advice.allowed:g} of AUC. The nearest "
        f"is {what_stays(safest.option)}, which loses {lost(safest)} ({rows}, "
        f"{len(safest.option.seeds)} seeds)"
    )
    if safest.high <= advice.allowed:
        return f"{text}. {_unsteady(advice)}"
    return f"{text}; it would be recommended where {safest.high:.4f} is allowed."


def _unsteady(advice: Advice) -> str:
    known = "is not known" if advice.spread is None else f"is known to {plus_minus(advice.spread)} only"
    return (
        f"The whole model's own mean over new trainings {known}, wider than what may be lost: of what is "
        "trained anew nothing is recommended, only the whole model in fewer bits."
    )


def too_small(advice: Advice) -> Prose:
    """What the data is too small to say."""
    lines = [f"The test rows hold {advice.clicks:,} clicks and {advice.others:,} others."]
    if advice.held and advice.said != "too few clicks":
        widths = [(one.high - one.low) / 2 for one in advice.held if one.told]
        if widths:
            lines.append(
                f"A loss is known to {plus_minus(min(widths))} where it is known best, and to "
                f"{plus_minus(max(widths))} where it is known worst; what differs by less can't be told "
                "apart. Half as wide takes four times the rows and seeds."
            )
        if len(widths) < len(advice.held):
            lines.append(
                f"Of {len(advice.held) - len(widths)} of {len(advice.held)} ways that were held against the "
                "whole model the rows are too few to state an interval: no resample of them differs."
            )
        held = [one for one in advice.held if one.low > advice.allowed]
        unclear = [one for one in advice.held if one.low <= advice.allowed < one.high]
        if unclear:
            named = "; ".join(f"{literal(what_stays(one.option))}, {lost(one)}" for one in unclear)
            lines.append(f"Not told, whether they lose more than {advice.allowed:g}: {named}.")
        if held:
            named = "; ".join(f"{literal(what_stays(one.option))}, {lost(one)}" for one in held)
            lines.append(f"Shown to lose more than {advice.allowed:g}: {named}.")
    if advice.unsteady and advice.said != "too few clicks":
        lines.append(_unsteady(advice))
    lines.append(
        "The losses of other ways in the table are points without an interval: they were looked at to see "
        "where the front lies, and nothing is claimed of them."
    )
    return Prose(tuple(lines))


def what_ran(steps: Sequence[Stage], rows: dict[str, int], fields: int) -> Prose:
    """Model, protocol and sizes of the runs."""
    whole = steps[0].grid
    backbone = plain(whole.backbones[0])
    training = TrainingSettings.model_validate(whole.training)
    rates = [candidate.get("learning_rate") for candidate in whole.candidates]
    tried = " or ".join(f"{rate:g}" for rate in rates)
    hidden = ", ".join(map(str, backbone["hidden"]))
    seeds = {step.name: (len(step.grid.arms), len(step.grid.seeds)) for step in steps}
    counted = "; ".join(
        f"{name}, {n} seed{'s' * (n != 1)} each" if name in ("the whole model", "together", "more seeds")
        else f"{name}, {arms} way{'s' * (arms != 1)} of {n} {'draws' if name == CHANCE else 'seeds'}"
        for name, (arms, n) in seeds.items()
    )  # fmt: skip
    return Prose(
        (
            f"{rows['train']:,} rows to learn from, {rows['val']:,} to choose by, {rows['test']:,} to state "
            f"losses on; {fields} fields.",
            f"DeepFM of {DIMENSION} dimensions with hidden layers of {hidden}; batches of "
            f"{training.batch_size:,}, at most {training.epochs} epochs, ended by validation AUC; learning "
            f"rate {tried}{', chosen for the whole model and taken for all' * (len(rates) > 1)}.",
            f"Steps, cheapest first: {counted}.",
        )
    )


def not_tried(lines: Sequence[str], unmet: Sequence[str], failures: Sequence[str]) -> Prose:
    """What is not there, and why."""
    said = [f"For lack of minutes: {literal(line)}." for line in lines]
    said += [f"Can't be: {literal(line)}" for line in unmet]
    said += [f"Failed: {literal(line)}." for line in failures]
    return Prose(tuple(said) or ("All that was planned was tried.",))
