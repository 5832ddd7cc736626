"""Seeds for parts of a run, so that one seed never feeds two streams of noise."""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the named part of a run with `seed`."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
