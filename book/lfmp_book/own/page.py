"""A page of the book on one's own data: what was run on it, and nothing of the book's own sets."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from IPython.display import display

from lfmp_core.data import InteractionData
from lfmp_core.errors import LfmpError, check_name
from lfmp_core.experiments.engine import RunsFailed
from lfmp_core.experiments.executor import opened
from lfmp_core.experiments.grid import Grid, fitted
from lfmp_core.experiments.own_data import find_own
from lfmp_core.experiments.profiles import OWN
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.store import store_for

from ..claims.claim import Prose
from ..evidence import results
from ..lers.grids import ORIGINAL
from ..parameters import given
from ..provenance import provenance
from . import tables, words
from .pages import PAGES, OwnPage
from .ways import OwnRun, beside_whole, ways_of

# parameters of pages that say which of the public sets, how many planted rows, or how it is run
NOT_OF_GRIDS = ("dataset", "pairs", "sets", "rows", "seed", "compare_sources", "profile", "workers")


def own_page(notebook: str, namespace: Mapping[str, Any]) -> None:
    """Where `dataset` was given, show the page that is about it alone, and end the notebook; else do nothing.

    Args:
        notebook: its name. namespace: its globals(), in which `parameters.check` left what was given.
    """
    if not namespace.get("dataset"):
        return
    show_own(notebook, namespace, alone=False)
    below = (
        "The page on your data ends here. What stands below is the book's text on its own data sets, and was "
        f"not run; `lfmp notebook {notebook} -p dataset …` leaves it out.",
    )
    display(Prose(below))
    warnings.filterwarnings("ignore", "To exit: use")  # what IPython would add
    raise SystemExit(0)  # papermill takes it for an end, not for a failure


def show_own(notebook: str, namespace: Mapping[str, Any], *, alone: bool = True) -> None:
    """Run and show the page of a notebook on one's own data.

    Args:
        notebook, namespace: see `own_page`. alone: nothing else of the notebook is there.
    """
    asked = given(namespace)
    if asked.get("pairs"):
        raise LfmpError("a page on one's own rows is about them alone: leave pairs out, or dataset")
    page, ref = PAGES[check_name(notebook, PAGES, "page on one's own data")], find_own(asked["dataset"])
    _check_kind(notebook, page, ref)
    profile = asked.get("profile", OWN)
    options = {key: value for key, value in asked.items() if key not in NOT_OF_GRIDS and value}
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # the table says what is left out
        grids = own_grids(page, profile, ref, options)
    for part in page_parts(page, grids, ref, profile, namespace.get("workers")):
        display(part)
    display(provenance(notebook, namespace, alone=alone))


def _check_kind(notebook: str, page: OwnPage, ref: DatasetRef) -> None:
    held = "interactions" if isinstance(opened(ref), InteractionData) else "clicks"
    if held != page.holds:
        able = ", ".join(sorted(name for name, one in PAGES.items() if one.holds == held))
        raise LfmpError(f"{notebook} is about {page.holds}, and {ref.name} holds {held}: take one of {able}")


def own_grids(page: OwnPage, profile: str, ref: DatasetRef, options: Mapping[str, Any]) -> list[Grid]:
    """All that a page runs on one's own data, searches first.

    Args:
        options: what was given of the page's own parameters.
    """
    if page.grids is None:
        return []
    made = page.grids(profile, dataset=ref, **options)
    seeds = {key: value for key, value in options.items() if key == "seeds"}
    found = [*page.beside(profile, dataset=ref, **seeds)] if page.beside else []
    found += (made,) if isinstance(made, Grid) else made
    found = fitted(found, ref) if profile == OWN else found
    made = [each for grid in found for each in (grid.picks, grid) if each is not None]
    return [grid for i, grid in enumerate(made) if grid not in made[:i]]


def page_parts(
    page: OwnPage, grids: Sequence[Grid], ref: DatasetRef, profile: str, workers: int | None
) -> Iterator[Any]:
    """Run what is missing, then what there is to show, one below the other."""
    data, store = opened(ref), store_for(profile)
    if not grids:
        yield from page.more(OwnRun(data, (), store, profile, *2 * [results.frame((), store)]))
        return
    failed: list[str] = []
    try:
        results.run(grids, workers=workers)
    except RunsFailed as error:  # what has ended is shown, and what has not is named
        failed = [f"{record.spec.label}: {record.error.partition(' [')[0]}" for record in error.failures]
    run, compared = results.frame(grids, store), results.compare(grids, store, against=(ORIGINAL,))
    own = OwnRun(data, grids, store, profile, run, compared)
    ways = beside_whole(ways_of(own))
    if ways:
        yield words.answer(own, ways)
        yield tables.main_table(own, ways)
        yield from filter(None, (tables.picture(own, ways), tables.kept_by_name(own, ways)))
        yield from filter(None, (words.field_sentence(own, ways),))
    yield from page.more(own)
    yield words.what_was_run(own, failed)
