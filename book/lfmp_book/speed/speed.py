"""Medians, ratios and targets from the samples of `make bench`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lfmp_core.errors import check_name

from ..evidence.rounds import Ratio, Rounds, folder


def load_figures(name: str = "cpu") -> dict[str, Any]:
    """The committed figures of a kind of device.

    Raises:
        UnknownName: there are none of that name.
    """
    check_name(name, (path.stem for path in folder().glob("*.json")), "file of figures")
    return json.loads((folder() / f"{name}.json").read_text())


def fastest(entries: Iterable[Mapping[str, Any]], measure: str) -> Mapping[str, Any] | None:
    """The peer with the lowest median; None where no peer has a sample."""
    peers = [e for e in entries if e["role"] == "peer" and Rounds.of(e, measure).seconds]
    return min(peers, key=lambda e: Rounds.of(e, measure).median, default=None)


def peer_of(entries: Iterable[Mapping[str, Any]], target: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The fastest of the peers that a target is held against; None where none has a sample."""
    counted = [e for e in entries if e["name"].startswith(target.get("of", ""))]
    return fastest(counted, target["measure"])


def entry_named(entries: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The entry of that name; an empty one where it is missing."""
    return next((e for e in entries if e["name"] == name), {})


def preparation_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The preparation's contenders in the form of the others: each round one sample."""
    entries = results.get("preparation", {}).get("entries", {})
    return [
        {
            "name": name,
            "role": "ours" if name == "ours" else "peer",
            **{k: v for k, v in entry.items() if k != "seconds"},
            "prepare": {"seconds": [[s] for s in entry["seconds"]]},
        }
        for name, entry in entries.items()
    ]


def target_ratios(results: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Ratio]:
    """The ratio that a target bounds, for every contender of ours that it can be asked of."""
    if target["measure"] == "prepare":
        entries = preparation_rows(results)
    else:
        entries = results["groups"].get(target["group"], {}).get("entries", [])
    measure, found = target["measure"], {}
    if target["versus"] == "whole":
        whole = Rounds.of(entry_named(entries, "ours"), measure)
        pairs = {e["name"]: (Rounds.of(e, measure), whole) for e in entries if e["role"] == "cut"}
    else:
        peer = Rounds.of(peer_of(entries, target) or {}, measure)
        pairs = {e["name"]: (peer, Rounds.of(e, measure)) for e in entries if e["role"] == "ours"}
    for name, (above, below) in pairs.items():
        ratio = Ratio.of(above, below)
        if ratio:
            found[name] = ratio
    return found


def met(target: Mapping[str, Any], ratio: Ratio) -> bool:
    """Whether a ratio keeps a target's bound."""
    return ratio.value <= target["ratio"] if target["versus"] == "whole" else ratio.value >= target["ratio"]


def agrees(peer: Mapping[str, float], ours: Mapping[str, float]) -> bool:
    """Whether a peer with our weights is the same model: logits within 0.1 % of their spread."""
    same = peer["difference"] <= 1e-3 * ours["spread"]
    return same and abs(peer["parameters"] / ours["parameters"] - 1) <= 1e-3
