"""The birth certificate of a record: command, code, versions, hardware, time, memory. No host name."""

import functools
import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from .. import __version__
from ..bounds import cores
from ..settings import Settings

PACKAGES = ("torch", "numpy")
SOURCES = ("lfmp_core", "book/lfmp_book")  # folders of a checkout that decide what a run computes


class Hardware(Settings):
    """What the run ran on, as far as it explains its speed."""

    cpu: str = Field(description="model name of the processor")
    cores: int = Field(description="cores that this process may use")
    memory: int = Field(description="bytes of main memory")
    accelerator: str = Field(default="", description="name of the GPU, if the process has used one")


class Certificate(Settings):
    """Where a record comes from."""

    later: ClassVar[frozenset[str]] = frozenset({"numerics"})

    command: str = Field(description="the line that makes the record again")
    version: str = Field(description="version of lfmp_core")
    commit: str = Field(description="git commit of the source, `unknown` outside a checkout")
    dirty: bool = Field(description="whether the packages' source differed from that commit")
    python: str
    packages: dict[str, str] = Field(description="versions of torch and numpy")
    hardware: Hardware
    started: str = Field(description="UTC, ISO 8601")
    seconds: float = Field(description="wall-clock time of the whole run, loading included")
    peak_rss: int = Field(description="bytes; highest resident memory of the process during the run")
    threads: int
    numerics: dict[str, str] = Field(
        default={}, description="digest of what each component of the run computes, see `stamp`"
    )


def _git(root: Path, *arguments: str) -> str:
    # A hook's GIT_DIR would make git answer for another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


def source_state(root: Path) -> tuple[str, bool]:
    """Return (commit, dirty) of the checkout at `root`; ("unknown", False) where there is none.

    Dirty means that something of the packages differs from the commit, new files included. Records that
    are written meanwhile lie elsewhere and don't count.
    """
    try:
        # An installed copy inside somebody else's checkout must not borrow that checkout's commit.
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown", False
        commit = _git(root, "rev-parse", "--verify", "HEAD")
        return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=all", "--", *SOURCES))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


@functools.cache  # the state at the first run is what this process has imported, whatever is edited later
def _own_source() -> tuple[str, bool]:
    return source_state(Path(__file__).resolve().parents[2])


def package_version(name: str) -> str:
    """The installed version of a distribution, or `absent`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def hardware() -> Hardware:
    """Describe this machine without naming it."""
    cpu = platform.processor() or platform.machine()
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        cpu = found[1].strip() if found else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    torch = sys.modules.get("torch")
    used = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    accelerator = torch.cuda.get_device_name() if torch is not None and used else ""
    return Hardware(cpu=cpu, cores=cores(), memory=memory, accelerator=accelerator)


def reset_peak_rss() -> None:
    """Start a new measurement of the peak, where the system can (Linux); else the process's peak counts."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_rss() -> int:
    """Highest resident memory of this process in bytes since `reset_peak_rss`."""
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def certify(
    command: str, *, started: str, seconds: float, threads: int, numerics: Mapping[str, str] | None = None
) -> Certificate:
    """Issue the certificate of a run that has just ended in this process."""
    commit, dirty = _own_source()
    return Certificate(
        command=command,
        version=__version__,
        commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        packages={name: package_version(name) for name in PACKAGES},
        hardware=hardware(),
        started=started,
        seconds=round(seconds, 3),
        peak_rss=peak_rss(),
        threads=threads,
        numerics=dict(numerics or {}),
    )
