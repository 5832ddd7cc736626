"""MovieLens: ratings joined with users and movies, from the publisher's files or from Parquet.

The join costs nothing per row: a user's age or a movie's genre is a function of the unique ids of a block.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from pydantic import Field as Setting

from ..errors import DataError
from ..settings import data_root
from .columns import Column, Reader, liked
from .delimited import DelimitedReader
from .faults import reading
from .malformed import check_beginning, check_header, read_header
from .parquet import ParquetReader
from .preparation import PrepareSettings
from .spelling import Spelling

_RATINGS = Spelling(
    labelling=liked, label_remedy=lambda *_: "A rating is a number from 0.5 to 5; 4 and more counts as liked"
)
ML_100K_GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
# per layout: ratings, users, movies; the first layout whose ratings exist in the folder is read
_LAYOUTS = {
    "ml-100k": (("data.parquet", "users.parquet", "items.parquet"), ("u.data", "u.user", "u.item")),
    "ml-1m": (
        ("ratings.parquet", "users.parquet", "movies.parquet"),
        ("ratings.dat", "users.dat", "movies.dat"),
    ),
    "ml-20m": (("ratings.csv", None, "movies.csv"),),
}
_NAMES = {
    "u.user": ["user_id", "age", "gender", "occupation", "zip"],
    "u.item": ["movie_id", "title", "release_date", "video_release_date", "url", *ML_100K_GENRES],
    "users.dat": ["user_id", "gender", "age", "occupation", "zip"],
    "movies.dat": ["movie_id", "title", "genres"],
    "movies.csv": ["movie_id", "title", "genres"],
}
_RENAMED = {"zip_code": "zip", "movie_title": "title", "userId": "user_id", "movieId": "movie_id"}
RATINGS_20M = ["userId", "movieId", "rating", "timestamp"]


class MovieLensSettings(PrepareSettings):
    """How the rows of a MovieLens set become ids."""

    former: ClassVar = {"avazu_hour": PrepareSettings.former["avazu_hour"]}

    genres: Literal["each", "combined"] = Setting(
        default="each", description="one 0/1 field per genre, or the whole genre list as one value"
    )


def open_movielens(source, settings: MovieLensSettings) -> Reader:
    """Reader of a MovieLens folder: fields user, movie, what is known of the user, and genres."""
    folder = source.path if source.path is not None else data_root() / source.name
    if folder.suffix in (".parquet", ".csv", ".dat", ".data"):
        folder = folder.parent
    layouts = _LAYOUTS[source.name]
    ratings, users, movies = next((names for names in layouts if (folder / names[0]).exists()), layouts[0])
    columns = [Column("user_id", "categorical", "user_id"), Column("movie_id", "categorical", "movie_id")]
    if users:
        known = _side_table(folder / users, "user_id")
        for name in ("gender", "age", "occupation", "zip"):
            columns.append(Column(name, "categorical", "user_id", _lookup(known, "user_id", name)))
    columns += _genres(_side_table(folder / movies, "movie_id"), settings.genres)
    return _ratings(folder / ratings, columns)


def _ratings(path: Path, columns: list[Column]) -> Reader:
    names = ["user_id", "movie_id", "rating", "timestamp"]
    if path.suffix == ".parquet":
        return ParquetReader(
            path,
            columns,
            "rating",
            spelling=_RATINGS,
            time="timestamp",
            time_optional=True,
        )
    header, recode = int(path.suffix == ".csv"), None
    if header:
        check_header(path, RATINGS_20M)
    if path.suffix == ".dat":
        recode = _colons
    return DelimitedReader(
        path,
        names,
        columns,
        "rating",
        delimiter="," if header else "\t",
        quoted=False,
        header=header,
        spelling=_RATINGS,
        time="timestamp",
        closed=True,
        recode=recode,
    )


def _colons(data: bytes) -> bytes:
    return data.replace(b"::", b"\t")


def _side_table(path: Path, key: str) -> pa.Table:
    """Users or movies as text columns, unique in `key`; small enough for memory."""
    check_beginning(path, parquet=path.suffix == ".parquet")
    with reading(path):
        table = pq.read_table(path) if path.suffix == ".parquet" else _side_text(path)
        for column in table.columns:
            column.validate(full=True)
    table = table.rename_columns([_RENAMED.get(name, name) for name in table.column_names])
    if key not in table.column_names:
        raise DataError(
            f"no column {key!r}", file=path, column=key, remedy=f"It has {', '.join(table.column_names)}"
        )
    texts = {
        name: pc.fill_null(pc.cast(table[name], pa.string()), "")
        for name in table.column_names
        if not pa.types.is_nested(table[name].type)
    }
    if len(pc.unique(texts[key])) < len(texts[key]):
        raise DataError(f"{key} is not unique", file=path, column=key, remedy="Copy or download it again")
    return pa.table(texts)


def _side_text(path: Path) -> pa.Table:
    data = path.read_bytes()
    names = _NAMES[path.name]
    if path.suffix == ".csv":
        read_header(path)
        return pacsv.read_csv(
            pa.BufferReader(data),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(column_types={"movieId": pa.string()}),
        )
    # the older sets are in Latin-1, with "::" or "|" between columns
    text = data.decode("latin-1").replace("::", "|" if path.name == "u.item" else "\t").encode()
    delimiter = "|" if path.name in ("u.item", "u.user") else "\t"
    return pacsv.read_csv(
        pa.BufferReader(text),
        read_options=pacsv.ReadOptions(column_names=names),
        parse_options=pacsv.ParseOptions(delimiter=delimiter, quote_char=False),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )


def _lookup(table: pa.Table, key: str, name: str) -> Callable[[pa.StringArray], pa.StringArray]:
    keys, values = table[key].combine_chunks(), table[name].combine_chunks()
    return partial(_from_table, keys, values)


def _from_table(keys: pa.Array, values: pa.Array, unique: pa.StringArray) -> pa.StringArray:
    found = values.take(pc.index_in(unique, value_set=keys))
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return pc.fill_null(found, "")


def _genres(movies: pa.Table, how: str) -> list[Column]:
    """Genre fields: one 0/1 field a genre, or the genres joined by | as one value."""
    if "genres" in movies.column_names:
        lists = [text.split("|") if text else [] for text in movies["genres"].to_pylist()]
    else:  # ML-100K: a flag a genre
        flags = [name for name in ML_100K_GENRES if name in movies.column_names]
        rows = zip(*(movies[name].to_pylist() for name in flags), strict=True)
        lists = [[name for name, flag in zip(flags, row, strict=True) if flag == "1"] for row in rows]
    keys = movies["movie_id"]
    if how == "combined":
        table = pa.table({"movie_id": keys, "genres": pa.array(["|".join(names) for names in lists])})
        return [Column("genres", "categorical", "movie_id", _lookup(table, "movie_id", "genres"))]
    columns = []
    for genre in sorted({name for names in lists for name in names}):
        table = pa.table(
            {"movie_id": keys, "flag": pa.array(["1" if genre in names else "0" for names in lists])}
        )
        columns.append(
            Column(f"genre_{genre}", "categorical", "movie_id", _lookup(table, "movie_id", "flag"))
        )
    return columns
