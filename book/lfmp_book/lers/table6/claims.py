"""The sentences of LERS on collaborative filtering: one rule each, for the printed cells and for records."""

from collections.abc import Sequence

import pandas as pd

from ...claims.claim import Claim
from ...claims.judge import Judge
from ...claims.robust import robust_to_resampling
from ...claims.test import Test, claims_of
from ...evidence import published
from ...evidence.results import all_comparisons, draws_of
from ..scores import rules
from ..scores.blocks import (
    COMPLEX,
    HIGH,
    HYBRID,
    LOW,
    METHODS,
    MIDDLE,
    ORIGINAL,
    PRUNED,
    SEARCHED,
    SHARES,
    SIMPLE,
    Values,
)
from ..scores.lists import GRAPH, LATENT, MeasuredLists, cells
from ..scores.rules import both, overall_rank
from . import cases as own
from . import page

ITEM = page.ITEM
ALONE = "collaborative filtering alone; "
ELABORATE = ("TTRec", HYBRID)  # of §6.2's sentence on simple and complex methods
# the baseline, and what was developed for collaborative filtering (§4.1.3, §6.1)
REFERENCE = ("MagPrune", "DHE", HYBRID)
OTHERS = tuple(m for m in METHODS if m not in REFERENCE)
TOP = "among the first {} of the paper's rows by mean NDCG@20"
MEDIAN = "mean NDCG@20 not 0.001 and more below the median of the paper's rows"
BELOW = "mean NDCG@20 0.001 and more below the median of the paper's rows"
CLEARLY = "clearly better NDCG@20"
BOTH = "clearly better NDCG@20 and Recall@20"
OVERALL = "by the mean ratio of both sets on LightGCN"
_STATED = published.printed_table("lers_stated_cf").set_index("quantity").value
DROP = _STATED["percent of NDCG@20 lost by the best method, more than"] / 100

graph, latent = tuple(cells(backbones=(GRAPH,))), tuple(cells(backbones=(LATENT,)))


def _at(backbone: str, *shares: float) -> list[own.Cell]:
    return list(cells(backbones=(backbone,), shares=shares))


ON_SCORES: tuple[Test[Values], ...] = (
    Test(
        ("abstract-1",),
        f"{ALONE}MagPrune has {CLEARLY} than two or more of TTRec, DHE, PEP, OptEmbed, CERP, in each block",
        rules.beats_some("MagPrune", COMPLEX, 2, cells()),
    ),
    Test(
        ("1-3", "4.2-4"),
        f"{ALONE}MagPrune: {MEDIAN}, in each block",
        robust_to_resampling(rules.competitive("MagPrune", cells())),
    ),
    Test(
        ("5.2-14",),
        f"Original has {BOTH} with LightGCN than with NeuMF, on each set",
        own.graph_ahead((ORIGINAL,), (LOW,)),
    ),
    Test(
        ("6.2-1",), f"PEP: {MEDIAN}, in each block", robust_to_resampling(rules.competitive("PEP", cells()))
    ),
    Test(
        ("6.2-2",),
        f"QR and MagPrune win more pairs with TTRec and CERP than they lose ({CLEARLY}) at 50 %, TTRec and "
        "CERP more with them at 80 and 95 %, in each block",
        both(
            rules.outperform(cells(shares=(LOW,)), SIMPLE, ELABORATE),
            rules.outperform(cells(shares=(MIDDLE, HIGH)), ELABORATE, SIMPLE),
        ),
    ),
    Test(
        ("6.2-4", "7-8"),
        f"{ALONE}by mean NDCG@20: at 50 % the better of QR and MagPrune is not 0.001 and more behind the "
        "best other method",
        robust_to_resampling(rules.simple_suffices(cells(shares=(LOW,)))),
    ),
    Test(
        ("6.2-7", "7-12"),
        f"every method has {BOTH} with LightGCN than with NeuMF, on each set and at each sparsity",
        both(own.graph_ahead((ORIGINAL,), (LOW,)), own.graph_ahead(METHODS, SHARES)),
    ),
    Test(
        ("6.2-8",),
        f"NeuMF: PEP has {BOTH} than each other method at 80 and 95 %, and is {TOP.format('two')} at each "
        "sparsity",
        both(
            own.ahead_of_all("PEP", _at(LATENT, MIDDLE, HIGH)),
            robust_to_resampling(rules.among_first(2, latent, ("PEP",))),
        ),
    ),
    Test(
        ("6.2-9",),
        "NeuMF, by mean NDCG@20: OptEmbed is second at 80 % and not among the first two at 95 %",
        robust_to_resampling(
            both(
                own.placed(SEARCHED, 2, 2, _at(LATENT, MIDDLE)),
                own.placed(SEARCHED, 3, len(METHODS), _at(LATENT, HIGH)),
            )
        ),
    ),
    Test(
        ("6.2-10",),
        "NeuMF: from 50 to 80 %, MagPrune's NDCG@20 clearly falls",
        own.drops("MagPrune", LATENT),
    ),
    Test(
        ("6.2-11",),
        "the consequence alone: at 80 %, MagPrune keeps a larger share of Original's mean NDCG@20 with "
        "LightGCN than with NeuMF",
        robust_to_resampling(own.suits_graph("MagPrune", MIDDLE)),
    ),
    Test(
        ("6.2-12",),
        "NeuMF at 95 %: CERP is second by mean NDCG@20",
        robust_to_resampling(own.placed(HYBRID, 2, 2, _at(LATENT, HIGH))),
    ),
    Test(
        ("6.2-13",),
        "from the best method to the second, a larger share of Original's mean NDCG@20 with NeuMF than with "
        "LightGCN, on each set and at each sparsity",
        robust_to_resampling(own.wider_gap),
    ),
    Test(
        ("6.2-14",),
        "LightGCN at 80 %, which §5.2 calls moderate: MagPrune first and PEP second by mean NDCG@20",
        robust_to_resampling(own.led_by(("MagPrune", "PEP"), _at(GRAPH, MIDDLE))),
    ),
    Test(
        ("6.2-15",),
        f"LightGCN: PEP is {TOP.format('two')}, in each block",
        robust_to_resampling(rules.among_first(2, graph, ("PEP",))),
    ),
    Test(
        ("6.2-16",),
        f"LightGCN: DHE's {MEDIAN}, in each block",
        robust_to_resampling(rules.competitive("DHE", graph)),
    ),
    Test(
        ("6.3-3", "6.3-13"),
        f"{ALONE}LightGCN: OptEmbed's {BELOW}, in each block",
        robust_to_resampling(own.weak(SEARCHED, graph)),
    ),
    Test(
        ("6.2-19",),
        f"the consequence alone: LightGCN: OptEmbed's {BELOW}, in each block",
        robust_to_resampling(own.weak(SEARCHED, graph)),
    ),
    Test(
        ("6.3-1",),
        f"{ALONE}at 50 % the first two {OVERALL}",
        robust_to_resampling(both(*(overall_rank(m, LOW, 1, 2) for m in PRUNED))),
    ),
    Test(
        ("6.3-5",),
        f"{ALONE}the largest at 95 % {OVERALL}",
        robust_to_resampling(overall_rank("PEP", HIGH, 1, 1)),
    ),
    Test(
        ("6.3-12",),
        f"at 80 and 95 %, PEP first and DHE second {OVERALL}",
        robust_to_resampling(own.overall_led_by(("PEP", "DHE"), (MIDDLE, HIGH))),
    ),
    Test(
        ("6.3-14",),
        f"at 95 %, the best method {OVERALL} loses more than {DROP:.0%}",
        robust_to_resampling(own.best_loses(HIGH, DROP)),
    ),
    Test(
        ("7-7",),
        f"{ALONE}PEP wins more pairs with the others than it loses ({CLEARLY}), in each block",
        rules.outperform(cells(), ("PEP",), METHODS),
    ),
    Test(
        ("7-14",),
        "by mean NDCG@20, none of QR, TTRec, PEP and OptEmbed is 0.001 and more below the median of "
        "MagPrune, the baseline, and of DHE and CERP, which were developed for the task, in each block",
        robust_to_resampling(own.keeps_up_with(OTHERS, REFERENCE, cells())),
    ),
)
# what the paper does not print
ON_RECORDS: tuple[Test[MeasuredLists], ...] = (
    Test(
        ("1-5",),
        "Original has as many numbers in its table as in all, on each set",
        own.all_in_the_table,
    ),
)


TESTS: tuple[Test[MeasuredLists], ...] = (*ON_SCORES, *ON_RECORDS)


def claims(
    reference: pd.DataFrame, compared: pd.DataFrame, tests: Sequence[Test[MeasuredLists]] = TESTS
) -> list[Claim]:
    """Every sentence that the records of Table 6 judge, with its verdict.

    Args:
        reference: a row a run of `lers_table6`, see `table6.page.completed`.
        compared: see `results.known_comparisons`; their draws say what can be told.
    """
    return claims_of("lers", ITEM, tests, {"": MeasuredLists(reference, draws_of(compared))})


JUDGE = Judge(
    ITEM,
    "lers_table6_cf",
    TESTS,
    page.reference,
    lambda reference: claims(reference, all_comparisons(ITEM, reference)),
)
