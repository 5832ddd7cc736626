"""The sentences of LERS on click prediction: one rule each, for the printed cells and for records."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.metrics import LOG_LOSS

from ...claims.claim import Claim
from ...claims.judge import Judge
from ...claims.robust import robust_to_resampling
from ...claims.test import Test, claims_of
from ...evidence.results import all_comparisons, draws_of
from ..scores import rules
from ..scores.blocks import (
    COMPLEX,
    COMPOSED,
    HIGH,
    HYBRID,
    LOW,
    METHODS,
    MIDDLE,
    PRUNED,
    SEARCHED,
    SIMPLE,
    Cell,
    Values,
)
from ..scores.clicks import BACKBONES, MeasuredClicks, cells
from . import cases as cells_of
from . import overall, page

PAPER, ITEM = "lers", page.ITEM
FINDING = ("PEP", SEARCHED, HYBRID)  # find a mask first, then train
TOP = "among the first {} of the paper's rows by mean AUC"
MEDIAN = "mean AUC not 0.001 and more below the median of the paper's rows"
CLEARLY = "clearly better AUC"
SECONDS = "total training time (processor seconds)"


def _at(name: str, share: float) -> list[Cell]:
    return list(cells((name,), shares=(share,)))


ON_SCORES: tuple[Test[Values], ...] = (
    Test(
        ("abstract-1",),
        f"MagPrune has {CLEARLY} than two or more of TTRec, DHE, PEP, OptEmbed, CERP, in each block",
        rules.beats_some("MagPrune", COMPLEX, 2, cells()),
    ),
    Test(
        ("1-3", "4.2-4"),
        f"MagPrune: {MEDIAN}, in each block",
        robust_to_resampling(rules.competitive("MagPrune", cells())),
    ),
    Test(
        ("6.1-18",),
        f"MagPrune at 95 %: {MEDIAN}, in each block",
        robust_to_resampling(rules.competitive("MagPrune", cells(shares=(HIGH,)))),
    ),
    Test(
        ("6.1-16",),
        f"CERP: {MEDIAN}, in each block",
        robust_to_resampling(rules.competitive(HYBRID, cells())),
    ),
    Test(
        ("6.3-3",),
        f"click prediction alone; OptEmbed at 80 and 95 % on DCN: {MEDIAN}",
        robust_to_resampling(
            rules.competitive(SEARCHED, cells(backbones=BACKBONES[1:], shares=(MIDDLE, HIGH)))
        ),
    ),
    Test(
        ("6.1-1",),
        f"PEP and MagPrune win more pairs with QR, TTRec and DHE than they lose ({CLEARLY}), in each block",
        rules.outperform(cells(("Criteo",)), PRUNED, COMPOSED),
    ),
    Test(
        ("6.1-2",),
        f"QR, TTRec and DHE win more pairs with PEP and MagPrune than they lose ({CLEARLY}), in each block",
        rules.outperform(cells(("Avazu",)), COMPOSED, PRUNED),
    ),
    Test(
        ("7-2",),
        "both of the above: pruning on Criteo, composition on Avazu",
        rules.both(
            rules.outperform(cells(("Criteo",)), PRUNED, COMPOSED),
            rules.outperform(cells(("Avazu",)), COMPOSED, PRUNED),
        ),
    ),
    Test(
        ("6.1-4",),
        "PEP and MagPrune win more pairs in log-loss than they lose to QR, TTRec and DHE, in each block",
        rules.outperform(cells(("Avazu",)), PRUNED, COMPOSED, LOG_LOSS),
    ),
    Test(
        ("6.1-5",),
        "under 0.001 apart in three pairs or more: in AUC and in log-loss",
        cells_of.alike("PEP", "MagPrune", LOW, least=3),
    ),
    Test(
        ("6.1-6",),
        "the worst mean at 95 %, in AUC and in log-loss, within 1 % (Criteo) and 3 % (Avazu) of Original's",
        robust_to_resampling(cells_of.small_loss({"Criteo": 0.01, "Avazu": 0.03})),
    ),
    Test(
        ("6.1-7",),
        "PEP has the best mean AUC of the paper's rows in each block, but for DCN at 80 %",
        robust_to_resampling(cells_of.all_but("PEP", "Criteo", Cell("Criteo", "DCN", MIDDLE))),
    ),
    Test(
        ("6.1-8",),
        "PEP's AUC at 95 % neither clearly below Original's nor perhaps below it by 0.001 and more",
        cells_of.keeps_up(Cell("Criteo", "DCN", HIGH), "PEP"),
    ),
    Test(
        ("6.1-9",), TOP.format("two"), robust_to_resampling(rules.among_first(2, _at("Criteo", LOW), PRUNED))
    ),
    Test(
        ("6.1-10",),
        "OptEmbed's AUC over Original's is larger on DCN, on Criteo",
        robust_to_resampling(cells_of.suits_dcn),
    ),
    Test(
        ("6.1-11",),
        f"{TOP.format('three')}: TTRec at 95 %, MagPrune and QR at 50 %",
        robust_to_resampling(
            rules.both(
                rules.among_first(3, _at("Avazu", HIGH), ("TTRec",)),
                rules.among_first(3, _at("Avazu", LOW), SIMPLE),
            )
        ),
    ),
    Test(
        ("6.1-12",),
        f"at 95 %, of which the sentence speaks: TTRec {TOP.format('two')}",
        robust_to_resampling(rules.among_first(2, _at("Avazu", HIGH), ("TTRec",))),
    ),
    Test(
        ("6.1-13",),
        TOP.format("three"),
        robust_to_resampling(rules.among_first(3, _at("Avazu", LOW), SIMPLE)),
    ),
    Test(
        ("6.1-14",),
        "by mean AUC: at 50 % the better of QR and MagPrune is not 0.001 and more behind the best other "
        "method, at 95 % it is",
        robust_to_resampling(cells_of.complexity_pays),
    ),
    Test(
        ("7-8",),
        "by mean AUC: at 50 % the better of QR and MagPrune is not 0.001 and more behind the best other "
        "method",
        robust_to_resampling(rules.simple_suffices(cells(shares=(LOW,)))),
    ),
    Test(
        ("6.1-15",),
        "AUC clearly rises from one sparsity to the next on some set and backbone (records: with 95 % "
        f"for all {len(cells_of.STEPS)} steps together, Bonferroni)",
        cells_of.gains_when_smaller(("TTRec", "DHE")),
    ),
    Test(
        ("6.3-1",),
        "click prediction alone: at 50 % on DCN, the first two by the mean ratio of both sets",
        robust_to_resampling(rules.both(*(rules.overall_rank(m, LOW, 1, 2) for m in PRUNED))),
    ),
    Test(
        ("6.3-2",),
        "DHE at 50 %: mean AUC 0.001 and more below the median of the paper's rows, and a smaller share of "
        "Original's than at 95 %",
        robust_to_resampling(cells_of.weak_when_large("DHE")),
    ),
    Test(
        ("6.3-4",),
        "MagPrune by the mean ratio of both sets on DCN: in the upper half of seven at 80 %, in the lower at "
        "95 %",
        robust_to_resampling(
            rules.both(
                rules.overall_rank("MagPrune", MIDDLE, 1, 3), rules.overall_rank("MagPrune", HIGH, 5, 7)
            )
        ),
    ),
    Test(
        ("6.3-5",),
        "click prediction alone: the least mean ratio of both sets on DCN at 95 %",
        robust_to_resampling(rules.overall_rank("PEP", HIGH, 7, 7)),
    ),
    Test(
        ("6.3-6",),
        "the mean ratio of both sets on DCN ranges least over the sparsities, of the six methods at each",
        robust_to_resampling(overall.steadiest("TTRec")),
    ),
    Test(("6.3-7",), "by mean AUC on DCN at 95 %", robust_to_resampling(overall.torn)),
    Test(
        ("6.3-8",),
        "at 95 % on DCN, the ratios of the two sets lie nearer to each other than PEP's",
        robust_to_resampling(overall.nearer("TTRec", "PEP")),
    ),
    Test(("5.2-8",), "Original's AUC clearly higher on DCN than on DeepFM", overall.stronger_backbone),
    Test(
        ("7-3",),
        "on some set and backbone the best method at 50 % is clearly not the best at 95 % (records: "
        f"with 95 % for all {overall.CHANCES} ways of one to overtake another together, Bonferroni)",
        overall.no_guarantee,
    ),
    Test(
        ("7-4",),
        "fewer than half of the pairs of methods differ by 0.001 of AUC and more (clearly), in each block",
        overall.minor,
    ),
    Test(
        ("7-6",),
        "mean distance in AUC within {QR, TTRec, DHE} and {PEP, MagPrune} less than between them",
        robust_to_resampling(overall.kindred),
    ),
    Test(
        ("7-7",),
        f"click prediction alone: PEP wins more pairs with the others than it loses ({CLEARLY}), in each "
        "block",
        rules.outperform(cells(), ("PEP",), METHODS),
    ),
)
# the paper prints no such figures beside its Table 5
ON_RECORDS: tuple[Test[MeasuredClicks], ...] = (
    Test(
        ("4.1-1",),
        f"{SECONDS} clearly less than AutoDim's, in each block that has both",
        overall.quicker((SEARCHED,), ("AutoDim",)),
    ),
    Test(
        ("4.2-5",),
        f"one training of MagPrune, which serves every sparsity: {SECONDS} clearly less than those of PEP, "
        "OptEmbed and CERP in more pairs than not, in each block",
        overall.quicker(("MagPrune",), FINDING),
    ),
    Test(
        ("6.1-17",),
        "validation AUC after retraining less that of the fittest widths with the supernet's weights, mean "
        "over sparsities for each seed: the 95 % t interval over seeds lies above 0 on Avazu with DCN, and "
        "below 0.001 else",
        overall.fruitless,
    ),
    Test(
        ("7-1",),
        f"{SECONDS} of four methods or more of seven clearly above Original's, in each block",
        overall.above_original("TT", METHODS, 4),
    ),
    Test(
        ("7-5",),
        f"{SECONDS} at or clearly below the median of the seven methods, in each block",
        overall.quick_enough(("QR", "PEP")),
    ),
    Test(
        ("7-9",),
        "time to score rows clearly above Original's, for each of the five methods, in each block",
        overall.above_original("IT", (*COMPOSED, *PRUNED), 5),
    ),
    Test(
        ("7-10",),
        f"{SECONDS}: QR, TTRec and DHE quicker than PEP and MagPrune in more pairs than not, in each block",
        overall.quicker(COMPOSED, PRUNED),
    ),
)
TESTS: tuple[Test[MeasuredClicks], ...] = (*ON_SCORES, *ON_RECORDS)


def claims(
    reference: pd.DataFrame, compared: pd.DataFrame, tests: Sequence[Test[MeasuredClicks]] = TESTS
) -> list[Claim]:
    """Every sentence that the records of Table 5 judge, with its verdict.

    Args:
        reference: see `lers_table5.reference`.
        compared: see `results.known_comparisons`; their draws say what can be told.
    """
    return claims_of(PAPER, ITEM, tests, {"": MeasuredClicks(reference, draws_of(compared))})


JUDGE = Judge(
    ITEM,
    "lers_table5_ctr",
    TESTS,
    page.reference,
    lambda reference: claims(reference, all_comparisons(ITEM, reference)),
)
