"""Light-FMP's formulas, splits, lists and scope held against each other."""

from math import log

from scipy.special import expit
from scipy.stats import norm

from ...claims.claim import share_verdict, slip_unless
from ...claims.finding import Finding
from ...evidence import published
from ..values import DIMENSION, FIELDS, SETS, TWO_STAGE, fields_named, figure2_values, methods, size, two

# §2.3
MEAN, VARIANCE, TEMPERATURE, LOW, HIGH = 0.5, 0.0625, 0.83, -0.1, 1.1
# Algorithm 1
REQUIRED, UPDATED = {"θ", "α", "λ", "φ"}, {"θ", "α"}


def findings() -> list[Finding]:
    """What the paper's parts say of each other."""
    return [*_formulas(), *_splits(), *_subset(), *_fields(), *_ratios(), *_tables(), *_scope()]


def gate_below(z: float, alpha: float) -> float:
    """P(gate ≤ z) for a gate of Eq. 3 with parameter α, 0 ≤ z < 1."""
    s = (z - LOW) / (HIGH - LOW)
    return float(expit(TEMPERATURE * log(s / (1 - s)) - log(alpha)))


def _formulas() -> list[Finding]:
    ratios = [share / 100 for share in figure2_values("prune_ratio")]
    agree = [abs(ratio - (1 - ratio)) < 1e-9 for ratio in ratios]
    negative = float(norm.cdf(0, MEAN, VARIANCE**0.5))
    bound = gate_below(0, MEAN) + 1 - gate_below(1 - 1e-12, MEAN)
    near = gate_below(0.1, MEAN) + 1 - gate_below(0.9, MEAN)
    missing = sorted(REQUIRED - UPDATED)
    return [
        Finding(
            "2.3-3",
            "Eq. 1, Eq. 3",
            "e has m·D entries, z has m",
            f"on Criteo {FIELDS * DIMENSION} against {FIELDS}",
            slip_unless([FIELDS * DIMENSION == FIELDS]),
            "read as one gate for the D entries of a field",
            True,
        ),
        Finding(
            "2.3-4",
            "Eq. 3",
            "α drawn from N(0.5, 0.0625), then log α",
            f"α ≤ 0 with probability {negative:.2%} a field, at least once among {FIELDS} fields "
            f"{1 - (1 - negative) ** FIELDS:.0%}",
            "fails" if negative > 0 else "holds",
            "the logarithm then does not exist; sources learn log α itself",
        ),
        Finding(
            "2.3-5",
            "Eq. 3, §2.3",
            "β = 0.83, ζ = 1.1, γ = −0.1; α = 0.5",
            f"at the start {bound:.0%} of draws are 0 or 1 exactly, {near:.0%} within 0.1 of either, where a "
            "uniform gate has 20 %",
            "holds" if near > 0.2 else "fails",
            "more than half of the draws are neither; the runs say what training adds",
        ),
        Finding(
            "2.3-6",
            "Eq. 4",
            "(Σz)/m − τ is driven to 0, and Σz counts the kept",
            "kept by the formula and by the definition: "
            + ", ".join(f"τ = {r:g}: {r:.0%}, {1 - r:.0%}" for r in ratios),
            share_verdict(agree),
            "as printed, the constraint asks for the opposite share except at τ = 0.5",
            True,
        ),
        Finding(
            "2.3-7",
            "Algorithm 1",
            "lines 10 and 11 update θ and α",
            f"required and never updated: {', '.join(missing)}; their values are printed nowhere",
            "fails" if missing else "holds",
            "at 0 there is no constraint; at a constant it is a penalty of unknown weight",
        ),
    ]


def _splits() -> list[Finding]:
    found = []
    for d in SETS:
        parts = size(d, "train") + size(d, "val") + size(d, "test")
        whole = size(d, "total")
        shares = " : ".join(f"{100 * size(d, s).middle / parts.middle:.0f}" for s in ("train", "val", "test"))
        found.append(
            Finding(
                "3.1-1",
                f"Table 1, {d}",
                f"{whole.middle / 1e6:.1f}M in all",
                f"the parts give {parts.middle / 1e6:.1f}M, {shares}",
                "holds" if parts.meets(whole) else "fails",
                "",
                not parts.meets(whole),
            )
        )
    return found


def _subset() -> list[Finding]:
    share, whole = size("Criteo", "pretrain") / size("Criteo", "train"), size("Criteo", "total").middle
    tried = published.pretrain_sizes()
    two_thousand = size("Criteo", "pretrain").middle
    same = [size(d, "pretrain").middle == two_thousand for d in SETS]
    return [
        Finding(
            "1-7",
            "Abstract, §2.1, §2.5",
            "“the remaining dataset”, D − D_S",
            f"D_S is {share.middle:.3%} of the training rows",
            "slip",
            "two statements; the rows differ by less than Table 1 rounds",
        ),
        Finding(
            "4.4-11",
            "Table 1, Fig. 2d",
            f"2K on {sum(same)} of 3 sets; tried: 5e-4 %, 1e-3 % and 1e-1 % of Criteo",
            f"tried: {', '.join(f'{t:,}' for t in tried)} rows; 2,000 are {two_thousand / whole:.4%}",
            share_verdict([*same, any(abs(t - two_thousand) < 500 for t in tried)]),
            "the size that all tables use is none of the sizes tried",
            True,
        ),
        Finding(
            "4.4-6",
            "§4.4",
            "accuracy declines with the subset; the tables use 2K rows",
            f"{sum(t < two_thousand for t in tried)} of the {len(tried)} sizes tried are smaller, the least "
            f"{min(tried)} rows",
            "untestable",
            "by this sentence the tables do not use the best subset; the figure's values are not printed",
        ),
    ]


def _fields() -> list[Finding]:
    kept, middle, pruned = fields_named("kept"), fields_named("middle"), fields_named("pruned")
    left, gone = FIELDS - int(0.75 * FIELDS), int(0.25 * FIELDS)
    names = [*kept, *middle, *pruned]
    apart = len(set(names)) == len(names)
    return [
        Finding(
            "4.5-3",
            "§2.3",
            f"τ = 0.75 of {FIELDS} fields, {0.25 * FIELDS:g} remain",
            f"{len(kept)} are named, {left} remain if the share is rounded down",
            "holds" if len(kept) <= left else "fails",
            "how a share that is no whole number of fields is rounded isn't said",
            False,
        ),
        Finding(
            "4.5-5",
            "§2.3",
            f"τ = 0.25 of {FIELDS} fields, the least that prunes",
            f"{len(pruned)} are named, {gone} are pruned",
            "holds" if len(pruned) <= gone else "fails",
            "",
            False,
        ),
        Finding(
            "4.5-4",
            "§4.5",
            f"kept: {', '.join(kept)}; always pruned: {', '.join(pruned)}",
            f"the three lists {'do not overlap' if apart else 'overlap'} and name {len(names)} of {FIELDS} "
            f"fields, {sum(n.startswith('I') for n in names)} of the 13 integer ones",
            "holds" if apart else "fails",
            "nothing is said of the other fields",
        ),
    ]


def _ratios() -> list[Finding]:
    ratios = figure2_values("prune_ratio")
    return [
        Finding(
            "4.4-2",
            "§4.4, Fig. 2c",
            f"tried: {', '.join(f'{r:g} %' for r in ratios)}; accuracy declines at 50 % already",
            f"between 0 and 25 % {sum(0 < r < 25 for r in ratios)} ratios were tried, above 50 % "
            f"{sum(r > 50 for r in ratios)}",
            share_verdict([any(0 < r < 25 for r in ratios), any(r > 50 for r in ratios)]),
            "25 % is the only light ratio tried; the tables use 50 %, where accuracy declines",
        )
    ]


def _tables() -> list[Finding]:
    marked = set(published.printed_table("lightfmp_table2_underlined").itertuples(index=False, name=None))
    seconds = {(d, _second(d, metric), metric) for d in SETS for metric in ("auc", "logloss", "tt")}
    wrong, absent = sorted(marked - seconds), sorted(seconds - marked)
    return [
        Finding(
            "table2-3",
            "Table 2",
            f"{len(marked)} cells underlined, which the caption doesn't explain",
            f"{len(marked & seconds)} are the second best of their column; not: "
            + ", ".join(f"{m}'s {c} on {d} {two(d, m, c):.4f}" for d, m, c in wrong)
            + "; second best and not underlined: "
            + ", ".join(f"{m}'s {c} on {d} {two(d, m, c):.4f}" for d, m, c in absent),
            slip_unless([mark in seconds for mark in sorted(marked)]),
            "Light-FMP is the third fastest on Criteo, not the second",
            bool(wrong),
        ),
        Finding(
            "table2-1",
            "§4.1",
            "AutoField's “data-driven feature masking leads to non-uniform pruning levels”: mild on Criteo, "
            "aggressive on Avazu",
            f"TT {two('Criteo', 'AutoField', 'tt'):.2f} and {two('Avazu', 'AutoField', 'tt'):.2f}",
            "fails",
            "how many fields AutoField kept is unknown, so its rows do not compare at one size",
        ),
        Finding(
            "4.2-7",
            "Table 2, caption",
            "the pruning ratio of all methods but No Selection and MvFS is 0.5",
            f"{', '.join(TWO_STAGE)} keep as large a share as Light-FMP by the caption",
            "fails",
            "one of the two is wrong",
        ),
        Finding(
            "2.6-1",
            "§4.1",
            "AdaFS and MvFS are “compressing embeddings by removing” values",
            "two of the five methods that are said to retain the full model",
            share_verdict([True, True, True, False, False]),
            "both are said of AdaFS and MvFS",
        ),
        *(
            Finding(sentence, place, words, "one method at two levels", verdict, so)
            for sentence, place, words, verdict, so in (
                (
                    "3.2-1",
                    "§4.1",
                    "AdaFS prunes at category level, removing values",
                    "slip",
                    "by AdaFS's own paper this sentence is right, and §4.1 has the level wrong",
                ),
                (
                    "4.1-12",
                    "§3.2",
                    "AdaFS gates feature fields at the field level",
                    "fails",
                    "its speed is explained by a removal of values that AdaFS doesn't do",
                ),
            )
        ),
    ]


def _second(dataset: str, metric: str) -> str:
    """The second best of a column of Table 2."""
    return str(methods(dataset, metric).sort_values(ascending=not published.rises(metric)).index[1])


def _scope() -> list[Finding]:
    tables = [published.printed_table(f"lightfmp_table{i}") for i in (1, 2, 3)]
    columns = {c.split("_")[-1] for t in tables for c in t.columns}
    quantities = set(published.printed_table("lightfmp_fig2").quantity)
    reported = {
        "PT": "PT" in quantities,
        "CT": "CT" in quantities,
        "TT": bool(columns & {"tt", "seconds"}),
        "IT": bool((columns | quantities) & {"it", "IT", "inference"}),
    }
    absent = ", ".join(name for name, there in reported.items() if not there)
    return [
        Finding(
            "3.1-3",
            "Tables 1 to 3, Fig. 2",
            "PT and CT of some methods on Criteo, TT in two tables",
            f"printed nowhere: {absent}",
            share_verdict(list(reported.values())),
            "faster inference is claimed in four places and measured in none",
        ),
        Finding(
            "2.6-2",
            "Tables 1 to 3, Fig. 2",
            "no inference time, no size of a model",
            f"printed nowhere: {absent}",
            "untestable",
        ),
        Finding(
            "abstract-4",
            "Tables 1 to 3",
            "averages of 3 runs, one size of each data set",
            f"columns with a spread: {sum('std' in c or 'spread' in c for c in columns)}",
            "untestable",
            "neither rows nor fields are varied",
        ),
    ]
