"""Light-FMP's Table 3 and Figure 2b held against the sentences on backbones."""

from ...claims.claim import share_verdict, slip_unless
from ...claims.finding import Finding
from ...evidence import published
from ..values import OURS, SETS, at_least, figure2_values, three

# §4.4 on Figure 2b: gains from the pretrained weights
SIGNIFICANT, SLIGHT = ("Wide&Deep", "DNN"), ("xDeepFM", "DeepFM", "PNN")
# the other paper of this book, Table 5, row Original: test AUC of DeepFM on Criteo
ELSEWHERE = 0.8102


def findings() -> list[Finding]:
    """What Table 3 and Figure 2b say of the printed sentences."""
    return [*_improvements(), *_times(), *_accuracy(), *_warm_start()]


def _improvements() -> list[Finding]:
    audit = published.audit_table3()
    wrong = [
        f"{r.backbone}'s {'time' if r.metric == 'seconds' else r.metric}, printed {r.printed:.2f} %, by the "
        f"two numbers {r.recomputed:.2f} % [{r.low:.2f}, {r.high:.2f}]"
        for r in audit[~audit.agrees].itertuples()
    ]
    return [
        Finding(
            "table3-1",
            "Table 3",
            f"{len(audit)} improvements, each under the two numbers that it is made of",
            f"{int(audit.agrees.sum())} of {len(audit)} agree; not: {'; '.join(wrong)}",
            slip_unless(audit.agrees.tolist()),
            "the largest saving of the table is overstated",
            bool(wrong),
        )
    ]


def _times() -> list[Finding]:
    audit = published.audit_table3().set_index(["metric", "backbone"])
    times, loss = audit.loc["seconds"], audit.loc["logloss"]
    ends = [
        bool(times.agrees["PNN"]) and times.recomputed.idxmin() == "PNN",
        bool(times.agrees["DeepFM"]) and times.recomputed.idxmax() == "DeepFM",
    ]
    largest = loss.recomputed.sort_values(ascending=False)
    named = [bool(loss.agrees[b]) and b in largest.index[:2] for b in ("PNN", "Wide&Deep")]
    ours = [three(b, "lightfmp_seconds") for b in times.index]
    part = three("xDeepFM", "base_seconds") / three("DNN", "base_seconds")
    return [
        Finding(
            "4.3-4",
            "Table 3",
            "PNN 3h32m52s to 2h37m2s, DeepFM 5h5m12s to 2h25m46s",
            f"{times.recomputed['PNN']:.2f} % and {times.recomputed['DeepFM']:.2f} %, the least and the "
            "greatest",
            slip_unless(ends),
            "the upper end is off, the ordering is right",
            not all(ends),
        ),
        Finding(
            "4.3-4",
            "Table 3",
            "xDeepFM 4h23m23s, DNN 4h52m26s; with Light-FMP 2h40m15s and 2h25m36s",
            f"xDeepFM, which holds such a network and more, takes {part:.2f} of the DNN's time; with "
            f"Light-FMP all five take {min(ours):,.0f} to {max(ours):,.0f} s",
            "untestable",
            "epochs are not printed: total times compare when training stopped as much as what a step costs",
        ),
        Finding(
            "4.3-3",
            "Table 3",
            "PNN 0.4801 to 0.4551, Wide&Deep 0.4833 to 0.462",
            ", ".join(f"{b} {v:.2f} %" for b, v in largest.items()),
            share_verdict(named),
            beyond_rounding=False,
        ),
    ]


def _accuracy() -> list[Finding]:
    backbones = published.printed_table("lightfmp_table3").backbone
    gains = [three(b, "lightfmp_auc") - three(b, "base_auc") for b in backbones]
    losses = [three(b, "base_logloss") - three(b, "lightfmp_logloss") for b in backbones]
    reached = [at_least(gain) for gain in (*gains, *losses)]
    crossed = len(backbones) + len(SETS) - 1
    cells = [True] * crossed + [False] * (len(backbones) * len(SETS) - crossed)
    return [
        Finding(
            "4.3-2",
            "Table 3, §3.1",
            "0.001 and more is substantial",
            f"AUC {min(gains):+.4f} to {max(gains):+.4f}, log-loss {-max(losses):+.4f} to "
            f"{-min(losses):+.4f}; "
            f"{sum(reached)} of {len(reached)} reach it",
            share_verdict(reached),
            "one row each, without spread",
        ),
        Finding(
            "4.3-2",
            "LERS, Table 5",
            f"DeepFM on Criteo with all fields {ELSEWHERE:.4f}",
            f"{ELSEWHERE - three('DeepFM', 'base_auc'):+.4f} to Light-FMP's DeepFM with all fields, "
            f"{ELSEWHERE - three('DeepFM', 'lightfmp_auc'):+.4f} to the one with Light-FMP, which gains "
            f"{three('DeepFM', 'lightfmp_auc') - three('DeepFM', 'base_auc'):+.4f}",
            "untestable",
            "preparation and split differ; but the gain is a fraction of what the baseline falls short",
        ),
        Finding(
            "4.3-5",
            "Table 2, Table 3",
            f"{OURS} on five backbones with Criteo, and on three data sets with xDeepFM",
            f"{crossed} of {len(cells)} pairs of backbone and data set",
            share_verdict(cells),
            "four backbones were tried on one data set only",
        ),
    ]


def _warm_start() -> list[Finding]:
    gained = [True] * len(SIGNIFICANT) + [False] * len(SLIGHT)
    drop = f"PNN's log-loss {abs(figure2_values('logloss')[0]):.2f} % worse"
    return [
        Finding(
            "1-10 2.1-1",
            "§4.4, Fig. 2b",
            f"significant for {' and '.join(SIGNIFICANT)}, marginal for {', '.join(SLIGHT)}; {drop}",
            f"{sum(gained)} of {len(gained)} backbones gain",
            share_verdict(gained),
            "marginal on xDeepFM, with which Table 2 is made",
        )
    ]
