"""The named public sets: what they are, where they come from, and how their files are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field as Setting

from ..errors import DataError, check_name
from ..settings import Settings, data_root
from .avazu import AvazuSettings, open_avazu
from .canonical import MISSING
from .columns import Column, Reader
from .delimited import DelimitedReader
from .faults import Guarded, reading
from .given import check_given
from .movielens import MovieLensSettings, open_movielens
from .preparation import PrepareSettings
from .schema import SPLITS
from .table import open_table

CRITEO_INTEGERS = tuple(f"I{i}" for i in range(1, 14))
CRITEO_CATEGORIES = tuple(f"C{i}" for i in range(1, 27))


class Source(Settings):
    """One set that can be prepared.

    Attributes:
        files: expected below LFMP_DATA.
        rows: of the publisher's full set.
        threshold: default of PrepareSettings.
        pairs: of interactions, SHA-256 of the pairs of each published split (`lightgcn.pairs_digest`).
    """

    name: str
    title: str
    format: Literal[
        "criteo",
        "avazu",
        "movielens",
        "table",
        "planted",
        "lightgcn",
        "interactions",
        "planted_interactions",
    ]
    files: tuple[str, ...] = ()
    rows: int | None = None
    page: str = ""
    licence: str = ""
    threshold: int = 1
    path: Path | None = None
    options: dict[str, Any] = Setting(default_factory=dict)
    pairs: dict[str, str] = Setting(default_factory=dict)

    @property
    def holds(self) -> Literal["clicks", "interactions"]:
        """What its rows are: clicks, a label and fields each; interactions, a user and an item each."""
        of_pairs = ("lightgcn", "interactions", "planted_interactions")
        return "interactions" if self.format in of_pairs else "clicks"

    @property
    def settings_type(self) -> type[PrepareSettings]:
        """The class of the settings that it is prepared by; see `open_reader`."""
        return _format(self)[0]

    def at(self, path: Path | str) -> "Source":
        """The same source read from another file (or, for MovieLens, folder)."""
        return self.model_copy(update={"path": Path(path)})

    def named(self) -> list[Path]:
        """Files that were named by their path, in the order of SPLITS where there is one for each."""
        others = [Path(self.options[split]) for split in SPLITS[1:] if split in self.options]
        return [self.path, *others] if self.path is not None else []

    def file(self) -> Path:
        """The first expected file, or the one named by `at`.

        Raises:
            DataError: none is named, and none is expected.
        """
        if self.path is not None:
            return self.path
        if not self.files:
            remedy = "Give --file and --label, or use own_table(path, label)"
            if self.format == "interactions":
                remedy = "Give --file, --user and --item, or use own_interactions(path, user, item)"
            elif self.format == "lightgcn":
                remedy = "Give --file FOLDER, or use get_source('lightgcn').at(folder)"
            raise DataError("no file named", remedy=remedy)
        return data_root() / self.files[0]


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="criteo",
            title="Criteo Kaggle display advertising: seven days of clicks",
            format="criteo",
            files=("criteo/train.txt",),
            rows=45_840_617,
            page="https://www.kaggle.com/c/criteo-display-ad-challenge",
            licence="Criteo's terms; not to be redistributed",
            threshold=10,
        ),
        Source(
            name="avazu",
            title="Avazu mobile advertising: ten days of clicks",
            format="avazu",
            files=("avazu/train.csv",),
            rows=40_428_967,
            page="https://www.kaggle.com/c/avazu-ctr-prediction",
            licence="Terms of the Kaggle competition; not to be redistributed",
            threshold=2,
        ),
        Source(
            name="ml-100k",
            title="MovieLens 100K: ratings with times, users and genres",
            format="movielens",
            files=("ml-100k/data.parquet", "ml-100k/users.parquet", "ml-100k/items.parquet"),
            rows=100_000,
            page="https://grouplens.org/datasets/movielens/100k/",
            licence="GroupLens: research use, not to be redistributed",
        ),
        Source(
            name="ml-1m",
            title="MovieLens 1M: ratings, users and genres",
            format="movielens",
            files=("ml-1m/ratings.parquet", "ml-1m/users.parquet", "ml-1m/movies.parquet"),
            rows=1_000_209,
            page="https://grouplens.org/datasets/movielens/1m/",
            licence="GroupLens: research use, not to be redistributed",
        ),
        Source(
            name="ml-20m",
            title="MovieLens 20M: ratings with times, and genres",
            format="movielens",
            files=("ml-20m/ratings.csv", "ml-20m/movies.csv"),
            rows=20_000_263,
            page="https://grouplens.org/datasets/movielens/20m/",
            licence="GroupLens: research use, not to be redistributed",
        ),
        Source(
            name="planted",
            title="Generated rows in Criteo's format with known informative, redundant and noise fields",
            format="planted",
            licence="generated, free",
            threshold=4,
        ),
        Source(
            name="csv",
            title="One's own CSV or Parquet file with a label column of 0 and 1",
            format="table",
            threshold=2,
        ),
        Source(
            name="gowalla",
            title="Gowalla check-ins, users and places, as LightGCN split them",
            format="lightgcn",
            files=("gowalla/train.txt", "gowalla/test.txt"),
            rows=1_027_370,
            page="https://github.com/gusye1234/LightGCN-PyTorch/tree/master/data/gowalla",
            licence="Gowalla's terms; not to be redistributed",
            pairs={
                "train": "0b0b94d462df3f1ff2c2a8a23b118dacfd87eeaa979cffd325053564fd37b817",
                "test": "c4bcd33a012ef39f8488375448eb2a6e6147b457845c0c0b88bc2222fcae40b4",
            },
        ),
        Source(
            name="yelp2018",
            title="Yelp 2018, users and businesses, as LightGCN split them",
            format="lightgcn",
            files=("yelp2018/train.txt", "yelp2018/test.txt"),
            rows=1_561_406,
            page="https://github.com/gusye1234/LightGCN-PyTorch/tree/master/data/yelp2018",
            licence="Yelp's terms; not to be redistributed",
            pairs={
                "train": "ac698e4515e8d506424bdf4ae5244b0c438732cb32ad71f8b4cd72410e6fb7d4",
                "test": "9c93a3eede14ee90e2b213a2165111324651ab31e04748ea0b2c44987029563f",
            },
        ),
        Source(
            name="kgat-amazon-book",
            title="Amazon books, users and books, as KGAT split them (not LightGCN's Amazon-book)",
            format="lightgcn",
            files=("kgat-amazon-book/train.txt", "kgat-amazon-book/test.txt"),
            rows=846_434,
            page="https://github.com/xiangwang1223/knowledge_graph_attention_network",
            licence="not stated; not to be redistributed",
            pairs={
                "train": "3478812f7cef7ff0ff3106140d47e87178da3625a1cebe47e9020023c0001d53",
                "test": "edb3b5eaf9f389766e16a5c5f96664ad5eb0a4d2da9f70a852230cc90c5d84d7",
            },
        ),
        Source(
            name="planted_interactions",
            title="Generated pairs of users and items in blocks with known neighbours and a popularity tail",
            format="planted_interactions",
            licence="generated, free",
        ),
        Source(
            name="lightgcn",
            title="One's own folder with train.txt and test.txt, a line `user item item …` a user",
            format="lightgcn",
        ),
        Source(
            name="interactions",
            title="One's own CSV or Parquet file with a column of users and one of items",
            format="interactions",
        ),
    )
}


def get_source(name: str) -> Source:
    """The named source.

    Raises:
        UnknownName: there is none of this name.
    """
    return SOURCES[check_name(name, SOURCES, "source")]


def own_table(
    path: Path | str,
    label: str,
    *,
    kinds: dict[str, str] | None = None,
    drop: tuple[str, ...] | list[str] = (),
    time: str | None = None,
    positive: tuple[str, ...] | list[str] = (),
    missing: tuple[str, ...] | list[str] = MISSING,
    delimiter: str | None = None,
    multi: dict[str, str] | None = None,
    separator: str = "|",
    val: Path | str | None = None,
    test: Path | str | None = None,
    name: str | None = None,
) -> Source:
    """A source of one's own CSV, TSV or Parquet file.

    Args:
        label: the column of 0 and 1 or another truth value; every other column is a field unless in `drop`.
        kinds: field -> "categorical", "integer" or "scalar"; the others are inferred from the first rows.
        time: column of whole numbers or ISO dates that orders rows for a chronological split; it is no field.
        positive: labels that count as a click, where they are no truth values.
        missing: the texts that stand for no value; the empty one always does.
        delimiter: between columns, default a tab in .tsv and a comma in other text files.
        multi: column of several values a row -> "first", "flags" or "flags:50" (see multi.py).
        separator: between the several values of a text; lists of a Parquet file need none.
        val, test: files of the other splits, where `path` holds the training rows alone.

    Raises:
        DataError: one of the splits is missing, or given twice.
    """
    path = Path(path)
    options = {
        "label": label,
        "kinds": dict(kinds or {}),
        "drop": sorted(drop),
        "time": time,
        "positive": sorted(positive),
        "missing": sorted(missing),
        "delimiter": delimiter,
        "multi": dict(multi or {}),
        "separator": separator,
    }
    if val is not None or test is not None:
        given = check_given({"train": path, "val": val, "test": test})
        options |= {split: str(given[split].absolute()) for split in SPLITS[1:]}
    return SOURCES["csv"].model_copy(update={"name": name or path.stem, "path": path, "options": options})


def refuse_pairs(source: Source) -> None:
    """Refuse a source of interactions where rows of clicks are asked for.

    Raises:
        DataError: it is one.
    """
    if source.holds == "interactions":
        raise DataError(f"{source.name} holds interactions, no clicks", remedy="Use prepare_interactions")


def open_reader(source: Source, settings: PrepareSettings) -> Reader:
    """The reader of a source's files under these settings.

    Raises:
        DataError: a file is missing or of the wrong kind.
    """
    if source.format == "planted" and source.path is None:
        raise DataError("planted data is generated: use prepare_named('planted') or write_planted first")
    _, open_files = _format(source)
    path = source.file()
    with reading(path):
        reader = Guarded(open_files(source, settings))
    # the rows of Criteo's days stand in order, and planted ones in any
    if settings.split == "chronological" and not (reader.has_time or source.format in ("criteo", "planted")):
        own = source.format == "table"
        remedy = "Name the column of times (--time COLUMN); " if own else "This set has no times here: "
        remedy += "--split in_order takes the rows as they stand, if that is their order in time"
        raise DataError("a chronological split needs times", file=path, remedy=remedy)
    return reader


def _criteo(source: Source, settings: PrepareSettings) -> Reader:
    columns = [Column(name, "integer", name) for name in CRITEO_INTEGERS]
    columns += [Column(name, "categorical", name) for name in CRITEO_CATEGORIES]
    return DelimitedReader(
        source.file(),
        ["label", *CRITEO_INTEGERS, *CRITEO_CATEGORIES],
        columns,
        "label",
        delimiter="\t",
        quoted=False,
        header=0,
        closed=True,
        hint="Criteo's labelled train.txt has 40 tab-separated columns (test.txt has no label). ",
    )


Format = tuple[type[PrepareSettings], Callable[[Source, Any], Reader]]
# of clicks: the settings of a set in such files, and what reads them
_FORMATS: dict[str, Format] = {
    "criteo": (PrepareSettings, _criteo),
    "planted": (PrepareSettings, _criteo),
    "avazu": (AvazuSettings, open_avazu),
    "movielens": (MovieLensSettings, open_movielens),
    "table": (PrepareSettings, open_table),
}


def _format(source: Source) -> Format:
    refuse_pairs(source)
    return _FORMATS[source.format]
