"""Commands about runs: plan, run, status, numerics, doctor."""

import signal
import threading
from contextlib import closing
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ..bounds import within

if TYPE_CHECKING:
    from .items import Item

Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", "-p", help="quick, reference or paper; of clicks by --dataset also own, the default"
    ),
]
OwnData = Annotated[
    str, typer.Option("--dataset", metavar="FOLDER|NAME", help="one's own data, made by `lfmp data prepare`")
]
ItemName = Annotated[str, typer.Argument(metavar="ITEM", help="table, figure or page")]


def plan(item: ItemName, profile: Profile = None, dataset: OwnData = "") -> None:
    """List the runs of ITEM: what is done, what is missing, and how long the rest will take."""
    from .expected import seconds_of
    from .store import store_for

    chosen, profile = _chosen(item, profile, dataset, "reference")
    chosen.grids(profile)  # refuses an unknown profile by the item's own names
    store = store_for(profile)
    specs = chosen.plan(profile, store)
    expected = seconds_of(specs, chosen.records(profile, store))
    left, unknown, counts = 0.0, 0, dict.fromkeys(("done", "diverged", "failed", "running", "missing"), 0)
    for spec in specs:
        record = store.get(spec)
        state = "done" if record else "running" if store.claimed(spec) else "missing"
        if state == "missing" and (failure := store.failure(spec)):
            state = "diverged" if failure.cause == "diverged" else "failed"
        counts[state] += 1
        seconds = expected.get(spec.id)
        if record and record.certificate:
            clock = f"{record.certificate.seconds:8.0f} s"
        elif state == "diverged":
            clock = ""  # it has ended
        else:
            clock = f"{seconds:7.0f} s?" if seconds is not None else ""
            left, unknown = left + (seconds or 0.0), unknown + (seconds is None)
        typer.echo(f"{spec.id}  {state:8}  {clock:10}  {spec.label}")
    for choice in (c for grid in chosen.grids(profile) for c in grid.choices(store) if c.border):
        typer.echo(f"border: {choice.backbone} {choice.arm} chose {choice.candidate}, the last one tried")
    typer.echo(f"{len(specs)} runs known by now: " + ", ".join(f"{n} {state}" for state, n in counts.items()))
    if waiting := chosen.waiting(profile, store):
        typer.echo(waiting)
    if left:
        typer.echo(f"left: about {left / 60:.1f} minutes of one worker")
    if unknown:
        typer.echo(f"{unknown} runs are of a kind that was never timed here")


def run(
    item: ItemName,
    profile: Profile = None,
    workers: Annotated[
        int | None,
        typer.Option(callback=within("workers"), help="runs at a time; default: as the cores hold"),
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="only this run; may be repeated")] = None,
    limit: Annotated[
        int | None, typer.Option(callback=within("limit"), help="compute at most so many")
    ] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="anew what was made under other numerics, see `lfmp status`")
    ] = False,
    progress: Annotated[bool, typer.Option(help="show a bar")] = True,
    dataset: OwnData = "",
    engine: Annotated[str, typer.Option(help="pool, of this machine, or dask")] = "pool",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="of the engine dask: tcp://HOST:8786")
    ] = None,
) -> None:
    """Compute what is missing of ITEM. Safe to stop at any time, and to run twice at once."""
    from .engine import RunsFailed, run_item
    from .engines import make_engine
    from .store import store_for

    chosen, profile = _chosen(item, profile, dataset, "quick")
    signal.signal(signal.SIGTERM, _stop)
    try:
        with closing(make_engine(engine, workers, scheduler)) as place:
            records = run_item(
                chosen, profile, progress=progress, ids=ids or (), limit=limit, stale=stale, engine=place
            )
    except RunsFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        # what `atexit` calls comes after waiting for threads, in which a signal would end with a traceback;
        # registered last, this is called first
        threading._register_atexit(_deaf)  # type: ignore[attr-defined]
    typer.echo(f"{item}: {len(records)} records")
    if not ids and limit is None and (waiting := chosen.waiting(profile, store_for(profile))):
        typer.echo(waiting, err=True)
        raise typer.Exit(1)


def status(
    item: Annotated[
        str | None, typer.Argument(metavar="[ITEM]", help="its stale records, one by one")
    ] = None,
    profile: Annotated[str, typer.Option("--profile", "-p", help="quick, reference or paper")] = "reference",
) -> None:
    """List stale records by item, with the components whose numbers have changed since they were made."""
    from .items import get_item, registry
    from .stamp import outdated, tally_stale
    from .store import store_for

    store, stale = store_for(profile), 0
    for name, chosen in registry().items() if item is None else [(item, get_item(item))]:
        if item is not None:
            chosen.grids(profile)  # refuses an unknown profile by the item's own names
        records = chosen.records(profile, store) if profile in chosen.profiles else []
        if item is not None:
            for record in records:
                if names := outdated(record):
                    typer.echo(f"{record.id}  {record.spec.label}: {', '.join(names)}")
        count, components = tally_stale(records)
        stale += count
        causes = ", ".join(f"{component} ({n})" for component, n in components.items())
        typer.echo(f"{name}: {count} of {len(records)} records are stale{causes and f': {causes}'}")
    if stale:
        typer.echo(f"anew: lfmp run {item or 'ITEM'} --profile {profile} --stale")


def numerics(
    components: Annotated[list[str] | None, typer.Argument(help="only these; default: all")] = None,
    renew: Annotated[bool, typer.Option(help="write anew what does not hold")] = False,
) -> None:
    """Hold what backbones, tables and methods compute against their pins. Exit code 1 when one differs.

    The pins are the stamps of records: a renewed one makes the records stale that use its component.
    """
    from . import pins

    found, broken = [], 0
    for finding in pins.examine_pins(components or ()):
        found.append(finding)
        broken += not finding.holds
        bits = finding.pin.get("bits", "")
        typer.echo(f"{finding.state:8} {bits:12}  {finding.component}{finding.why and f': {finding.why}'}")
    typer.echo(f"{len(found)} components, {broken} without a pin that holds")
    if renew and broken:
        typer.echo(f"renewed: {', '.join(pins.renew(found))}")
    elif broken:
        typer.echo("If that is meant: lfmp numerics --renew; `lfmp status` then lists the records made stale")
        raise typer.Exit(1)


def doctor() -> None:
    """Check this machine, the installation, the data and the records. Exit code 1 when something fails."""
    from .doctor import examine

    counts = {"ok": 0, "warn": 0, "fail": 0}
    for finding in examine():
        counts[finding.level] += 1
        typer.echo(str(finding))
    typer.echo(", ".join(f"{n} {level}" for level, n in counts.items()))
    raise typer.Exit(1 if counts["fail"] else 0)


def _deaf() -> None:
    """A signal while the process ends has nothing left to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _chosen(item: str, profile: str | None, dataset: str, default: str) -> tuple["Item", str]:
    from .items import get_item
    from .own_data import find_own
    from .profiles import OWN

    chosen = get_item(item)
    if not dataset:
        return chosen, profile or default
    profile = profile or OWN
    return chosen.on(profile, find_own(dataset)), profile


def _stop(number: int, frame: FrameType | None) -> None:
    """A scheduler's SIGTERM ends a run as cleanly as Ctrl-C."""
    raise KeyboardInterrupt
