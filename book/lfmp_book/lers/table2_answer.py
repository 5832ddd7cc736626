"""What the descriptions of LERS's data sets for click prediction answer."""

from ..evidence import published
from ..evidence.datasets import auc_error, total
from ..show.answer import Answer
from ..show.words import listed
from .table2 import described_sets


def answer() -> Answer:
    """How much of the paper's sets there is here, and how finely an AUC on so few rows can be told."""
    printed = published.printed_table("lers_table2").set_index("dataset")
    rows, features, errors = [], [], []
    for name, described in described_sets().items():
        clicks, count = described["positives"]["test"], described["rows"]["test"]
        errors.append(f"{name} ± {1.96 * auc_error(0.75, clicks, count - clicks):.4f}")
        if name in printed.index:
            share = total(described) / int(printed.instances[name])
            rows.append(f"{name} {total(described):,} ({share:.2%})")
            ours, theirs = (
                1000 * n / m
                for n, m in (
                    (described["num_ids"], total(described)),
                    (int(printed.features[name]), int(printed.instances[name])),
                )
            )
            features.append(f"{name} {ours:.0f} for {theirs:.0f}")
    return Answer(
        (
            f"**The reference runs stand on a small part of the paper's instances**: {listed(rows)}.",
            f"So ids are rarer: features for 1,000 instances, here for the paper's, {listed(features)}.",
            f"An AUC of 0.75 on the test rows is known to {listed(errors)} (95 %).",
        ),
        "Counts of the prepared sets, pinned by a fingerprint. Methods are compared in pairs on the same "
        "rows, "
        "which tells finer.",
    )
