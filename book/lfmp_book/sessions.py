"""A notebook's kernel: how it ends, and what is seen and kept of the progress that a cell shows."""

import io
import re
import sys
import time
from typing import Any, TextIO

from jupyter_client import AsyncKernelManager
from nbformat import NotebookNode

CLEAR = "\r\x1b[2K"  # the terminal's line


class Session:
    """One execution of one notebook.

    An idle kernel is asked to end. jupyter_client interrupts it before it asks, in case that a cell is still
    running: after the last cell that is an error which the kernel prints.
    """

    def __init__(self) -> None:
        self.busy = False

    def options(self) -> dict[str, Any]:
        """For nbclient's NotebookClient, and for papermill, which passes them on."""
        session = self

        class Manager(AsyncKernelManager):
            async def _async_interrupt_kernel(self) -> None:
                if session.busy or not self.shutting_down:
                    await super()._async_interrupt_kernel()

        def begins(**_: Any) -> None:
            session.busy = True

        def ended(**_: Any) -> None:
            session.busy = False

        return {
            "kernel_manager_class": Manager,
            "on_cell_execute": begins,
            "on_cell_executed": ended,
            # What a cell raises comes as a message; the log is of the kernel's machinery. Each start warns
            # of plain TCP there, and the answer of a cell that Ctrl-C stopped finds its sockets closed
            "extra_arguments": ["--IPKernelApp.log_level=50"],
        }


class Progress(io.TextIOBase):
    """Takes what cells write to stderr, piece by piece, and shows its last line behind the page's name.

    On a terminal the line is written over; elsewhere a line comes at most every so many seconds.

    Args:
        name: of the page.
        to: where it is shown, stderr by default.
        every: seconds between lines that can't be written over.
    """

    def __init__(self, name: str, to: TextIO | None = None, every: float = 30.0):
        self.name, self.to, self.every = name, to or sys.stderr, every
        self._last = time.monotonic()

    def write(self, text: str) -> int:
        pieces = [piece.strip() for piece in re.split(r"[\r\n]", text)]
        shown = next((piece for piece in reversed(pieces) if piece), "")
        now = time.monotonic()
        if shown and self.to.isatty():
            self.to.write(f"{CLEAR}{self.name}: {shown}")
            self.to.flush()
        elif shown and now - self._last >= self.every:
            self._last = now
            self.to.write(f"{self.name}: {shown}\n")
            self.to.flush()
        return len(text)


def settle(notebook: NotebookNode) -> None:
    """Keep of the texts in the outputs what a terminal would still show: a bar is one line, its last.

    A kernel sends a text whenever it is flushed; pieces that follow each other are put together first.
    """
    for cell in notebook.cells:
        whole: list[NotebookNode] = []
        for output in cell.get("outputs", ()):
            follows = whole and output.output_type == whole[-1].output_type == "stream"
            if follows and output.name == whole[-1].name:
                whole[-1].text += output.text
            else:
                whole.append(output)
        for output in whole:
            if output.output_type == "stream":
                output.text = "\n".join(map(_shown, output.text.split("\n")))
        if "outputs" in cell:
            cell.outputs = whole


def _shown(line: str) -> str:
    return line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() if "\r" in line else line
