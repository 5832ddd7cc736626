"""The pictures that the README shows: of committed records, and of what advice says of planted rows.

python -m lfmp_book.pictures
"""

from pathlib import Path

from lfmp_core.errors import LfmpError
from lfmp_core.files import atomic_write
from lfmp_core.settings import project_root

from .advice import page
from .advice.grids import stages
from .advice.report import report
from .advice.run import run_stages
from .evidence import results
from .lightfmp import table3
from .show.figures import Picture


def table3_picture() -> Picture:
    """Test AUC by backbone and arm, from the reference records of Light-FMP's Table 3."""
    words = (
        "Test AUC of five backbones with all fields, with those that Light-FMP keeps, and with random ones."
    )
    return Picture(table3.picture(results.reference_frame(table3.ITEM)), words)


def advice_picture(minutes: float = 20.0, loss: float = 0.01) -> Picture:
    """Loss against bytes of the table, of planted rows; what is missing of the runs is computed first.

    Raises:
        LfmpError: they did not end within the minutes.
    """
    steps = stages("quick", loss=loss, patient=False)
    run_stages(steps, minutes, workers=1)
    made = page.picture(report(steps, loss, "bytes").found, "bytes")
    if not isinstance(made, Picture):
        raise LfmpError(f"nothing ended within {minutes:g} minutes: run it again, it goes on where it was")
    return made


def write_pictures(folder: Path) -> None:
    """Make both anew."""
    for name, make in (("table3", table3_picture), ("advice", advice_picture)):
        atomic_write(folder / f"{name}.png", make().png())


if __name__ == "__main__":
    write_pictures(project_root() / "book" / "images")
