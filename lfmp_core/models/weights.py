"""Tensors into a file, with errors of the disk as everywhere."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write them as safetensors, readable for whoever a new file is.

    Raises:
        OSError: the disk is full, or may not be written.
    """
    try:
        path.touch()
        mode = path.stat().st_mode
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
        path.chmod(mode)  # safetensors lets nobody else read it, such as a server
    except SafetensorError as error:
        if code := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from error
        raise
