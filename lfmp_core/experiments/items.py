"""Items: what each table and figure of the book runs, stage by stage."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points

from ..errors import LfmpError, check_name
from ..registry import Registry
from .arms import Arm, Search, SearchResult, on_border
from .grid import Grid, fitted
from .profiles import OWN
from .record import Record
from .spec import DatasetRef, RunSpec
from .store import Store

__all__ = ["Arm", "Grid", "Item", "SearchResult", "get_item", "on_border", "register_items", "registry"]


@dataclass(frozen=True)
class Item:
    """One table, figure or page: its notebook and, per profile, the grid or grids that it runs.

    Attributes:
        against: labels of arms that every arm is compared with, besides those that every page has.
        keeps_draws: the bootstrap draws of each run are kept beside the comparisons, for a page whose tests
            hold any two runs of a data set against each other, or rank them.
        own: makes the grids of a profile on one's own data, called with the profile and `dataset`; None: the
            item is about its own sets alone.
    """

    name: str
    notebook: str
    description: str
    profiles: Mapping[str, Grid | Sequence[Grid]]
    against: tuple[str, ...] = ()
    keeps_draws: bool = False
    own: Callable[..., Grid | Sequence[Grid]] | None = None

    def on(self, profile: str, dataset: DatasetRef) -> "Item":
        """The item on one's own data in one profile; in `own` with sizes that suit its rows.

        Raises:
            UnknownName: the item has no such profile.
            LfmpError: it can't run on other data than its own.
        """
        check_name(profile, (*self.profiles, OWN), f"profile of {self.name}")
        if self.own is None:
            raise LfmpError(f"{self.name} runs on its own data sets alone; leave --dataset out")
        found = self.own(profile, dataset=dataset)
        found = (found,) if isinstance(found, Grid) else found
        return replace(self, profiles={profile: fitted(found, dataset) if profile == OWN else found})

    def grids(self, profile: str) -> Sequence[Grid]:
        """The grids of a profile.

        Raises:
            UnknownName: the item has no such profile.
        """
        found = self.profiles[check_name(profile, self.profiles, f"profile of {self.name}")]
        return (found,) if isinstance(found, Grid) else found

    def plan(self, profile: str, store: Store) -> list[RunSpec]:
        """All specs known by now, each once, in the order of the grids; more appear as searches finish."""
        specs = {spec.id: spec for grid in self.grids(profile) for spec in grid.plan(store)}
        return list(specs.values())

    def searches(self, profile: str, store: Store) -> list[Search]:
        """Every search of a profile, as far as it can be told by now."""
        return [search for grid in self.grids(profile) for search in grid.searches(store)]

    def write_journals(self, profile: str, store: Store, ids: Collection[str] = ()) -> None:
        """Put down every search by TPE as far as it is known by now, see `journal`.

        Where a journal is not there, it is made from the records by asking the sampler anew.

        Args:
            ids: only the searches that tried one of these.
        """
        for search in self.searches(profile, store):
            if search.journal is not None and not (ids and search.ids.isdisjoint(ids)):
                search.journal.write(search.candidates, search.cells, search.trials)

    def proposed(self, profile: str, store: Store) -> frozenset[str]:
        """Ids of the trials whose values a search proposed from the scores of trials before them."""
        trials = (spec for grid in self.grids(profile) if grid.tpe for spec in grid.plan(store))
        return frozenset(spec.id for spec in trials if spec.role == "search")

    def waiting(self, profile: str, store: Store) -> str:
        """What is not planned yet, and the command that it waits for; empty if the plan is whole."""
        grids = self.grids(profile)
        lacking = sum(grid.lacking(store) for grid in grids)
        if not lacking:
            return ""
        own = {grid.item for grid in grids}
        others = dict.fromkeys(grid.picks.item for grid in grids if grid.picks and grid.picks.item not in own)
        first = ", first: " + "; ".join(f"lfmp run {name} --profile {profile}" for name in others)
        return f"{lacking} more are planned when their search is finished{first if others else ''}"

    def records(self, profile: str, store: Store) -> list[Record]:
        """The item's records: the finished ones of its plan, in its order, whatever item ran them first."""
        return [record for spec in self.plan(profile, store) if (record := store.get(spec)) is not None]


_ITEMS: Registry[Item] = Registry("item")


def register_items(items: Iterable[Item]) -> None:
    """Enter items into the register, where `lfmp plan` and `lfmp run` find them.

    Raises:
        LfmpError: there is another item of such a name.
    """
    for item in items:
        _ITEMS.enter(item.name, item)


@cache
def _installed() -> None:
    """Import what installed packages announce as their items; importing it registers them."""
    for point in entry_points(group="lfmp.items"):
        point.load()


def registry() -> Registry[Item]:
    """All items by name: those of installed packages, and those that were registered here."""
    _installed()
    return _ITEMS


def get_item(name: str) -> Item:
    """The item of that name.

    Raises:
        UnknownName: there is none; the message lists the nearest.
    """
    return registry()[name]
