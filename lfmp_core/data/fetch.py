"""Downloading public sets that need no login; the others come with instructions.

The archives are pinned by the MD5 sums that GroupLens publishes beside them (<archive>.md5); it publishes no
SHA-256. The SHA-256 of what was downloaded is stored in <set>/SOURCE.json, and `--sha256` demands one.
"""

import hashlib
import json
import zipfile
from pathlib import Path

from ..errors import DataError
from ..folders import fresh_folder
from ..ownership import FolderKind, check_target
from .sources import get_source

_SITE = "https://files.grouplens.org/datasets/movielens"
ARCHIVES = {
    "ml-100k": ("md5:0e33842e24a9c977be4e0107933c0723", ("u.data", "u.user", "u.item", "README")),
    "ml-1m": ("md5:c4d9eecfca2ab87c1945afe126590906", ("ratings.dat", "users.dat", "movies.dat", "README")),
    "ml-20m": ("md5:cd245b17a1ae2cc31bb14903e1204af3", ("ratings.csv", "movies.csv", "README.txt")),
}
STORED = "SOURCE.json"
FETCHED = FolderKind(
    "fetched set",
    STORED,
    frozenset({"url", "sha256"}),
    (STORED, *(member for _, members in ARCHIVES.values() for member in members)),
)
_BY_HAND = {
    "criteo": "Accept Criteo's terms at {page}, download the labelled train.txt and put it at {file}",
    "avazu": "Log in at {page}, accept the rules, download train.gz, unpack it and put it at {file}",
    **dict.fromkeys(
        ("gowalla", "yelp2018", "kgat-amazon-book"),
        "Download train.txt and test.txt from {page}, and put them at {file} and beside it; when they are "
        "prepared, their pairs are held against the published ones",
    ),
}


def fetch(name: str, root: Path, sha256: str | None = None) -> list[Path]:
    """Download and unpack a set below root; returns its files.

    Args:
        sha256: hash that the archive must have, instead of the built-in MD5.

    Raises:
        DataError: the set needs a login, there is no network, or the hash differs; nothing is left behind.
    """
    source = get_source(name)
    if name not in ARCHIVES:
        if name in _BY_HAND:
            login = source.holds == "clicks"
            raise DataError(
                f"{name} can't be downloaded without a login" if login else f"{name} is no single archive",
                remedy=_BY_HAND[name].format(page=source.page, file=root / source.files[0]),
            )
        raise DataError(f"{name} is not downloaded", remedy="It is generated, or your own file")
    pinned, members = ARCHIVES[name]
    url = f"{_SITE}/{name}.zip"
    folder = root / name
    check_target(folder, FETCHED, called="--into")
    with fresh_folder(folder, FETCHED) as fresh:
        archive = _download(url, fresh, f"sha256:{sha256}" if sha256 else pinned)
        digest = _sha256(archive)
        _unpack(archive, fresh, members)
        archive.unlink()
        (fresh / STORED).write_text(json.dumps({"url": url, "sha256": digest}, indent=1) + "\n")
    return [folder / member for member in members]


def _download(url: str, folder: Path, known: str) -> Path:
    try:
        import pooch
    except ImportError:
        raise DataError("fetching needs pooch", remedy="pip install 'lfmp-core[fetch]'") from None
    try:
        return Path(
            pooch.retrieve(url, known_hash=known, fname="archive.zip", path=folder, progressbar=False)
        )
    except ValueError as error:
        raise DataError(
            f"the download is not the pinned file ({error})",
            file=url,
            remedy="Try again; if it stays so, the publisher changed the file",
        ) from None
    except OSError as error:  # requests' errors are OSErrors
        what = f"the download failed ({type(error).__name__})"
        raise DataError(
            what, file=url, remedy="Check the network, or copy the unpacked files there by hand"
        ) from None


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, folder: Path, members: tuple[str, ...]) -> None:
    """Take the named members only, by their base name: no path of the archive is trusted."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            found = {Path(info.filename).name: info for info in bundle.infolist() if not info.is_dir()}
            for member in members:
                if member not in found:
                    raise DataError(
                        f"the archive lacks {member}", file=archive.name, remedy="The publisher changed it"
                    )
                with bundle.open(found[member]) as read, open(folder / member, "wb") as write:
                    while data := read.read(1 << 20):
                        write.write(data)
    except zipfile.BadZipFile:
        raise DataError(
            "the download is no zip archive", file=archive.name, remedy="Try again later"
        ) from None
