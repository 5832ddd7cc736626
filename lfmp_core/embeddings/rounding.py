"""Numbers as whole codes of a few bits: min–max, uniform steps."""

from typing import Any

import numpy as np

from ..errors import LfmpError

EXACT = 16  # significant bits of a float32 step


def _up(x: np.ndarray, dtype: Any) -> np.ndarray:
    """The least number of a floating-point type that is not below x."""
    found = x.astype(dtype)
    return np.where(found < x, np.nextafter(found, dtype(np.inf)), found)


def scales(values: np.ndarray, lengths: np.ndarray, bits: int, dtype: Any) -> np.ndarray:
    """Step s and offset o of each group: o ≤ min and o + (2^b − 1)s ≥ max, as near as the type allows.

    Rounded outwards, so that no number lies beyond the last code, and s to 16 significant bits: then s·q is
    exact, and o + s·q is rounded once, whoever computes it, with or without a fused multiplication.

    Args:
        values: the numbers [N], float64. lengths: how many each group has [G]; they sum to N.
        bits: b. dtype: of the result, NumPy's float32 or float16.

    Returns:
        [G, 2]; zeros for a group without numbers.

    Raises:
        LfmpError: a number is not finite, or beyond the type.
    """
    if not np.isfinite(values).all():
        raise LfmpError("numbers that are not finite can't be rounded: the training has diverged")
    found = np.zeros((len(lengths), 2))
    filled = lengths > 0
    if filled.any():
        begin = (np.cumsum(lengths) - lengths)[filled]
        low, high = np.minimum.reduceat(values, begin), np.maximum.reduceat(values, begin)
        if max(-low.min(), high.max()) > np.finfo(dtype).max / 2:
            raise LfmpError(f"numbers beyond {dtype.__name__} can't be rounded: take per='field'")
        offset = -_up(-low, dtype).astype(np.float64)
        mantissa, exponent = np.frexp((high - offset) / (2**bits - 1))
        step = np.ldexp(np.ceil(np.ldexp(mantissa, EXACT)), exponent - EXACT)
        found[filled] = np.stack([_up(step, dtype).astype(np.float64), offset], axis=1)
    return found.astype(dtype)


def coded(values: np.ndarray, lengths: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """q = round((w − o)/s) of each number, 0..2^b − 1 [N]: then |w − (o + s·q)| ≤ s/2.

    Args:
        values, lengths, bits: as of `scales`, which gave `scale`.
    """
    step, offset = (np.repeat(column, lengths) for column in scale.astype(np.float64).T)
    away = np.divide(values - offset, step, out=np.zeros_like(values), where=step > 0)
    return np.clip(np.rint(away), 0, 2**bits - 1).astype(np.uint8)


def packed_bytes(numbers: int, bits: int) -> int:
    """Bytes of so many codes."""
    return -(-numbers * bits // 8)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes [N] in ⌈N·b/8⌉ bytes, the first in the lowest bits."""
    each = 8 // bits
    words = np.pad(codes, (0, -len(codes) % each)).reshape(-1, each)
    return np.bitwise_or.reduce(words << (bits * np.arange(each, dtype=np.uint8)), axis=1)
