"""Light-FMP's Table 2 held against the sentences on methods and their times."""

from collections.abc import Sequence

from ...claims.claim import share_verdict
from ...claims.finding import Finding
from ..values import (
    BASELINES,
    DEEP,
    NAMED_ONLY,
    NONE,
    OURS,
    SETS,
    SHALLOW,
    SINGLE_STAGE,
    TWO_STAGE,
    better,
    range_over_sets,
    two,
)

ACCURACY = ("auc", "logloss")


def findings() -> list[Finding]:
    """What Table 2 says of the printed comparisons in time, and in time and accuracy together."""
    return [*_times(), *_outperforms(), *_trade_off()]


def _less(rivals: Sequence[str]) -> list[bool]:
    return [better(d, OURS, m, "tt") > 0 for d in SETS for m in rivals]


def _times() -> list[Finding]:
    stages, deep = _less(TWO_STAGE), _less(DEEP)
    slow = [two(d, m, "tt") > 1 for d in SETS for m in DEEP]
    quick = [two(d, m, "tt") < 1 for d in SETS for m in SHALLOW]
    masked = ("AutoField", *SINGLE_STAGE)
    mv = [two(d, "MvFS", "tt") for d in SETS]
    faster = ", ".join(
        f"{m} on {d}, {two(d, m, 'tt'):.4f} against {two(d, OURS, 'tt'):.4f}"
        for d in SETS
        for m in TWO_STAGE
        if better(d, m, OURS, "tt") > 0
    )
    counts = {m: sum(better(d, m, OURS, "tt") > 0 for d in SETS) for m in DEEP}
    single = ", ".join(f"{m} on {n}" for m, n in counts.items() if n)
    cases = [
        ("4.2-1 4.1-17 2.5-1", TWO_STAGE, stages, f"faster: {faster}"),
        ("1-8 2.7-1", DEEP, deep, f"faster on so many sets: {single}"),
    ]
    return [
        Finding(
            sentence,
            "Table 2",
            f"TT of {', '.join(rivals)} and Light-FMP on three sets",
            f"less time in {sum(wins)} of {len(wins)} cases",
            share_verdict(wins),
            so,
            not all(wins),
        )
        for sentence, rivals, wins, so in cases
    ] + [
        Finding(
            "1-3",
            "Table 2",
            "TT of the five deep baselines on three sets",
            f"longer than no selection in {sum(slow)} of {len(slow)} cases",
            share_verdict(slow),
            "true of some",
        ),
        Finding(
            "4.1-16",
            "Table 2",
            "TT on three sets",
            "largest less smallest ratio: "
            + ", ".join(f"{m} {range_over_sets(m, 'tt'):.3f}" for m in (OURS, *masked, "Lasso")),
            share_verdict([range_over_sets(OURS, "tt") < range_over_sets(m, "tt") for m in masked]),
            "AdaFS, one of the methods called sensitive, is the steadiest of all",
            True,
        ),
        Finding(
            "4.1-19",
            "Table 2",
            "TT of Lasso, PCA and XGBoost on three sets",
            f"under 1 in {sum(quick)} of {len(quick)} cases",
            share_verdict(quick),
        ),
        Finding(
            "4.1-13",
            "Table 2",
            "TT of MvFS: " + ", ".join(f"{v:.4f}" for v in mv),
            f"from {min(mv):.0%} to {max(mv):.0%} of the baseline",
            "holds" if min(mv) < 1 < max(mv) else "fails",
            "the cause, shares of categories that can be pruned, is printed nowhere",
        ),
    ]


def _outperforms() -> list[Finding]:
    found = []
    for sentence, rivals in (("abstract-3 1-12", BASELINES), ("1-8 2.7-1", DEEP)):
        wins = [
            all(better(d, OURS, m, metric) > 0 for metric in (*ACCURACY, "tt")) for d in SETS for m in rivals
        ]
        auc = sum(better(d, OURS, m, "auc") > 0 for d in SETS for m in rivals)
        found.append(
            Finding(
                sentence,
                "Table 2",
                f"{len(rivals)} baselines on three sets",
                f"better in AUC, log-loss and time at once in {sum(wins)} of {len(wins)} cases; in AUC in "
                f"{auc}, in time in {sum(_less(rivals))}",
                share_verdict(wins),
                "",
                True,
            )
        )
    named = len(BASELINES) - 1 + len(NAMED_ONLY)
    compared = [True] * (len(BASELINES) - 1) + [False] * len(NAMED_ONLY)
    found.append(
        Finding(
            "1-12",
            "§1, Table 2",
            f"§1 also names {', '.join(NAMED_ONLY)}",
            f"{sum(compared)} of the {named} named methods are compared, and PCA",
            share_verdict(compared),
            "superiority over the others is asserted only",
        )
    )
    return found


def _trade_off() -> list[Finding]:
    def beaten(d: str, method: str) -> bool:
        rivals = [m for m in (NONE, *BASELINES, OURS) if m != method]
        return any(better(d, m, method, "auc") > 0 and better(d, m, method, "tt") > 0 for m in rivals)

    unbeaten = {m: [not beaten(d, m) for d in SETS] for m in (*BASELINES, OURS)}
    always = [m for m, sets in unbeaten.items() if all(sets)]
    says = "AUC and TT of nine methods and No Selection on three sets"
    text = f"on all three sets no other method beats it in AUC and time at once: {', '.join(always)}"
    return [
        Finding(
            "4.1-20",
            "Table 2",
            says,
            text,
            share_verdict([OURS in always, always == [OURS]]),
            "AdaFS is as unbeaten; which is best depends on what a second is worth, which isn't said",
        ),
        Finding("5-2", "Table 2", says, text, share_verdict(unbeaten[OURS])),
    ]
