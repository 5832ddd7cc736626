"""What prose says in numbers is what data, settings, records and printed tables say.

Each check makes a fragment of a page's text out of its sources; the page must hold it to the letter. Whoever
changes a source is told which sentence became wrong, and what it has to say.
"""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lfmp_book.evidence import published
from lfmp_book.evidence.datasets import description
from lfmp_book.ledger import audit
from lfmp_book.lers import cf_arms
from lfmp_book.lers import cf_grids as lers_cf
from lfmp_book.lers import cf_search as tuning
from lfmp_book.lers import code as lers_code
from lfmp_book.lers import grids as lers
from lfmp_book.lers import table1 as lers_table1
from lfmp_book.lers.scores.blocks import HIGH, LOW, METHODS, MIDDLE, Cell
from lfmp_book.lers.scores.clicks import PrintedClicks
from lfmp_book.lers.scores.lists import PrintedLists
from lfmp_book.lers.table3 import described_sets
from lfmp_book.lers.table5.claims import ON_SCORES
from lfmp_book.lightfmp import chance_grids, passes_grids, rows_grids
from lfmp_book.lightfmp import grids as lightfmp
from lfmp_book.lightfmp import selection_grids as lightfmp_selection
from lfmp_book.lightfmp.values import size
from lfmp_book.show.words import listed
from lfmp_core.data.planted import CRITEO_SIZES, PlantedSettings
from lfmp_core.data.sources import SOURCES
from lfmp_core.embeddings.dhe import DHETable
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import store_for
from lfmp_core.methods import LightFMPSettings
from lfmp_core.metrics import NDCG20
from lfmp_core.settings import project_root

WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
CRITEO, LERS_CRITEO = description("criteo"), description("criteo-threshold-2")
AVAZU, MOVIES = description("avazu"), description("ml-1m")
TABLE2 = {g.dataset.name: g for g in lightfmp_selection.table2("reference")}
TABLE3 = lightfmp.table3("reference")
GRAPH, LATENT = (cf_arms.training_for(name, "reference") for name in cf_arms.RECOMMENDERS)
HALF, FIFTH, FEW = (cf_arms.training_for("lightgcn", "reference", sparsity=t) for t in lers_cf.SPARSITIES)
GRAPH_PAPER = cf_arms.training_for("lightgcn", "paper")
SUBSET = LightFMPSettings()
TRAIN = CRITEO["rows"]["train"]


def cf_trials(profile: str) -> int:
    return tuning.tpe_for("lightgcn", profile).trials


def pep_found() -> str:
    """At which sparsities the threshold of PEP ended short of the budget with LightGCN, and where."""
    short = {
        record.spec.budget.share: f"{record.details['threshold']:.2f}"
        for record in get_item("lers_table6").records("reference", store_for("reference"))
        if (record.spec.method, record.spec.backbone["name"]) == ("pep", "lightgcn")
        and record.details["over_threshold"] > record.sizes["embedding_parameters"]
    }
    [end], shares = set(short.values()), [f"{100 * share:.0f}" for share in sorted(short)]
    return f"at {listed(shares)} % PEP's ended at {end}, with more numbers over it than may stay"


def all_of_a_trial() -> int:
    """Epochs of a trial where none of them is stopped by its patience: with LightGCN at 80 and 95 %."""
    [(patience, epochs)] = {(one.patience, one.epochs) for one in (FIFTH, FEW)}
    assert patience == epochs
    return epochs


def pep_falls() -> str:
    """Trials of PEP with InfoNCE, LightGCN at the greatest sparsity, whose first epoch is their best."""
    curves = [
        [epoch["val_ndcg20"] for epoch in record.details["history"]]
        for record in get_item("lers_table6").records("reference", store_for("reference"))
        if (record.spec.method, record.spec.backbone["name"], record.spec.role)
        == ("pep", "lightgcn", "search")
        and record.spec.budget.share == max(lers_cf.SPARSITIES)
        and record.spec.training["contrast"] > 0
    ]
    assert all(curve.index(max(curve)) == 0 for curve in curves)
    return f"in all {len(curves)} trials with InfoNCE its cut table is at its best after one epoch"


def still_rising() -> str:
    """How long final trainings are, that most of LightGCN's end by it, and what their last epochs bring."""
    most = cf_arms.training_for("lightgcn", "reference", final=True)
    records = [
        record
        for record in get_item("lers_table6").records("reference", store_for("reference"))
        if record.spec.role == "final" and record.spec.backbone["name"] == "lightgcn"
    ]
    curves = [[epoch["val_ndcg20"] for epoch in record.details["history"]] for record in records]
    whole = [curve for curve in curves if len(curve) == most.epochs]
    assert 2 * len(whole) > len(curves)
    gains = max(max(curve) - max(curve[:-4]) for curve in whole)
    pairs = description("gowalla")["pairs"]["train"]
    ours, theirs = (
        f"{one.epochs} {word}of {steps_an_epoch(pairs, one.batch_size)}{place}"
        for one, word, place in ((most, "epochs ", " steps on Gowalla"), (GRAPH_PAPER, "", ""))
    )
    return (
        f"A final training has at most {ours}, the paper's {theirs}; most of LightGCN's end there and not by "
        f"patience, and rise by {gains:.4f} at most in their last four."
    )


def by_popularity_of_test() -> list[str]:
    """The sets of interactions: the one whose test pairs are of more popular items than its validation pairs,
    then the others."""
    means = {name: described["popularity"] for name, described in described_sets().items()}
    more = {name: popular["test"]["mean"] > popular["val"]["mean"] for name, popular in means.items()}
    assert sum(more.values()) == 1
    return [name.split(" (")[0] for name in sorted(more, key=lambda name: not more[name])]


def spelt(tens: int) -> str:
    return {10: "ten", 20: "twenty", 30: "thirty"}[tens]


def total(described: dict) -> int:
    return sum(described["rows"].values())


def millions(dataset: str, split: str) -> str:
    """Rows by Light-FMP's Table 1, in whole millions."""
    return f"{size(dataset, split).middle / 1e6:.0f}"


def full(name: str) -> str:
    return f"{(SOURCES[name].rows or 0) / 1e6:.1f}"


def rates(candidates) -> str:
    """3e-4 rather than 0.0003."""
    return ", ".join(re.sub(r"e-0", "e-", f"{c['learning_rate']:.0e}") for c in candidates)


def steps_an_epoch(rows: int, batch: int) -> int:
    return math.ceil(rows / batch)


def saved_times() -> str:
    three = published.printed_table("lightfmp_table3")
    shares = 100 * three.lightfmp_seconds / three.base_seconds
    return f"for every backbone, in {shares.min():.0f} to {shares.max():.0f} % of the time."


def wrong_improvement() -> str:
    table = published.audit_table3()
    [row] = table[~table.agrees].itertuples()
    return (
        f"{row.backbone}'s time, printed as {row.printed:.2f} %, is {row.recomputed:.2f} % by the two times"
    )


def instances(name: str, described: dict) -> str:
    printed = published.printed_table("lers_table2").set_index("dataset").instances
    return f"{100 * total(described) / int(printed[name]):.2f} %"


def widths(hashes: int) -> str:
    sizes = [field["size"] for field in LERS_CRITEO["fields"]]
    found = DHETable.budget(sizes, lers.backbone_for("deepfm", "reference").embedding_dim, 0.8, hashes=hashes)
    return "{}, {} and {}".format(*found.hidden)


def blocks(sentence: str) -> tuple[int, int]:
    """In how many blocks of the printed Table 5 a sentence is right."""
    [test] = [t for t in ON_SCORES if sentence in t.sentences]
    cases = test.cases(PrintedClicks())
    return sum(bool(c.passed) for c in cases), len(cases)


def both_backbones() -> str:
    [test] = [t for t in ON_SCORES if "6.1-2" in t.sentences]
    cases = test.cases(PrintedClicks())
    at = [t for t in dict.fromkeys(c.what for c in cases) if all(c.passed for c in cases if c.what == t)]
    assert at == ["t = 95%"]
    return "with both backbones at 95 % alone"


def failing_alike() -> str:
    """Baselines whose AUC on MovieLens lies within 0.001 of another's and 0.01 and more below the best."""
    two = published.printed_table("lightfmp_table2")
    movies = two[(two.dataset == "MovieLens") & (two.method != "Light-FMP")].set_index("method").auc
    movies = movies.drop("No Selection", errors="ignore")
    low = movies[movies < movies.max() - 0.01]
    assert low.max() - low.min() < 0.01
    return f"{WORDS[len(low)].capitalize()} of {WORDS[len(movies)]} baselines fail alike on MovieLens"


def lost_above_chance() -> str:
    values, losses = PrintedClicks(), {}
    for name in values.sets:
        cell = Cell(name, "DCN", HIGH)
        whole = values.value(cell, "Original")
        losses |= {(m, name): 1 - (auc - 0.5) / (whole - 0.5) for m, auc in values.ranked(cell)}
    (method, name), loss = max(losses.items(), key=lambda pair: pair[1])
    return f"{method} loses {100 * loss:.0f} % on {name} with DCN at 95 %, more than any other"


def best_of_lists() -> str:
    kept = max(PrintedLists().overall(HIGH, method) for method in METHODS)
    return f"of NDCG@20 even the best method loses {100 * (1 - kept):.0f} % there"


def leaders_of_lists() -> str:
    values = PrintedLists()
    first = {(t, d): values.ranked(Cell(d, "LightGCN", t))[0][0] for t in (LOW, MIDDLE) for d in values.sets}
    assert {first[LOW, d] for d in values.sets} == {"MagPrune"}
    return " and ".join(f"{first[MIDDLE, d]}{' leads' * (d == 'Yelp2018')} on {d}" for d in values.sets)


def added(label: str) -> int:
    return sum(entry.printed is None and entry.label != label for entry in lers_table1.TAXONOMY)


rows2 = {name: plain(g.dataset)["settings"].get("rows", {}) for name, g in TABLE2.items()}
passes = math.ceil(SUBSET.pretrain_rows / SUBSET.pretrain_batch_size) * SUBSET.pretrain_passes
one_pass = lightfmp.ONE_PASS.pretrain_rows

CHECKS: list[tuple[str, Callable[[], str]]] = [
    ("book/intro.md", lambda: f"use {full('criteo')} and {full('avazu')} million rows of Criteo and Avazu"),
    ("audit", failing_alike),
    ("audit", both_backbones),
    ("audit", lambda: "holds in {} block of {} by".format(*(WORDS[k] for k in blocks("7-4")))),
    ("audit", lost_above_chance),
    ("audit", best_of_lists),
    ("audit", leaders_of_lists),
    ("data", lambda: f"public sample of {total(CRITEO):,} rows in file order, values kept from "
     f"{CRITEO['settings']['threshold']} occurrences"),
    ("lers_code_and_text", lambda: f"{len(CRITEO_SIZES)} fields and Criteo's {sum(CRITEO_SIZES):,} ids"),
    ("lers_code_and_text", lambda: f"Mish never falls below −{-lers_code.mish_least():.2f}"),
    ("lers_fig2_frequency", lambda: f"{WORDS[round(1000 * total(CRITEO) / SOURCES['criteo'].rows)]} "
     "thousandths of the rows"),
    ("lers_table1_methods", lambda: f"these seven, and {WORDS[added('MagPrune')]} more"),
    ("lers_table2_ctr_datasets", lambda: f"with {instances('Criteo', LERS_CRITEO)} of the instances of "
     f"Criteo and {instances('Avazu', AVAZU)} of those of Avazu"),
    ("lers_table5_ctr", lambda: f"Samples instead of {full('criteo')} and {full('avazu')} million rows"),
    ("lers_table5_ctr", lambda: f"they would be {widths(1024)} wide instead of {widths(128)}"),
    ("lers_table5_ctr", lambda: "on Avazu, whose epochs have "
     f"{steps_an_epoch(AVAZU['rows']['train'], 2048)} steps"),
    ("lers_table6_cf", lambda: f"{WORDS[cf_trials('reference')].capitalize()} trials for each method "
     f"instead of {spelt(cf_trials('paper'))}"),
    ("lers_table6_cf", lambda: f"of {GRAPH.batch_size:,} pairs instead of {GRAPH_PAPER.batch_size:,}"),
    ("lers_table6_cf", lambda: f"where {WORDS[GRAPH.batch_size // GRAPH_PAPER.batch_size]} times its "
     "batch learns"),
    ("lers_table6_cf", lambda: f"InfoNCE takes at most {GRAPH.contrast_rows:,} rows"),
    ("lers_table6_cf", lambda: f"at most {GRAPH.validation_users:,} validation users"),
    ("lers_table6_cf", lambda: f"for {WORDS[GRAPH.patience]} epochs (LightGCN) or "
     f"{WORDS[LATENT.patience]} (NeuMF)"),
    ("lers_table6_cf", lambda: f"compressions of LightGCN have {WORDS[HALF.patience]} epochs at 50 %, and at "
     f"80 and 95 % all {all_of_a_trial()} of a trial"),
    ("lers_table6_cf", pep_falls),
    ("lers_table6_cf", still_rising),
    ("lers_table3_cf_datasets", lambda: "on {} those of test are of more popular items, on {} and {} of less "
     "popular ones".format(*by_popularity_of_test())),
    ("lers_table6_cf", lambda: f"at a sparsity of {100 * lers_cf.SEARCHED_AT:.0f} % and trained at all "
     f"{WORDS[len(lers_cf.SPARSITIES)]}"),
    ("lers_table6_cf", pep_found),
    ("lers_table6_cf", lambda: f"has {cf_arms.METHODS['DHE'][1]['table_settings']['hashes']} hashes"),
    ("lers_table6_cf", lambda: f"within ± {NDCG20.margin} NDCG@20"),
    ("lers_table3_cf_datasets", lambda: "Half of the users have "
     f"{WORDS[int(description('gowalla')['users']['test']['median'])]} test items or fewer on Gowalla"),
    ("lightfmp_fig2a_phase_times", lambda: f"{passes:,} steps on {SUBSET.pretrain_rows:,} rows"),
    ("lightfmp_fig2a_phase_times", lambda: f"{passes:,} steps of {SUBSET.pretrain_batch_size} rows"),
    ("lightfmp_fig2a_phase_times", lambda: f"{TRAIN:,} training rows and one thread of a processor, not "
     f"{millions('Criteo', 'train')} million"),
    ("lightfmp_fig2b_domain_init", lambda: f"{SUBSET.pretrain_rows:,} of them {SUBSET.pretrain_passes} "
     f"times, or {one_pass:,} of the {TRAIN:,} training rows once"),
    ("lightfmp_fig2b_domain_init", lambda: f"pretrains on {one_pass:,} rows seen once"),
    ("lightfmp_fig2b_domain_init", lambda: "continued training has "
     f"{round(size('Criteo', 'train').middle / TRAIN, -2):.0f} times as many steps"),
    ("lightfmp_fig2c_prune_ratio", lambda: f"{TRAIN:,} training rows, not {millions('Criteo', 'train')} "
     f"million; {len(CRITEO['fields'])} fields"),
    ("lightfmp_robustness", lambda: f"more than {passes_grids.STEPS:,} steps over many rows"),
    ("lightfmp_robustness", lambda: f"and planted rows to {rows_grids.PLANTED_ROWS[-1]:,};"),
    ("lightfmp_robustness", lambda: "nearer to the best than seeds spread are tried with "
     f"{WORDS[len(chance_grids.RECHECK)]} seeds more"),
    ("lightfmp_fig2d_pretrain_size", lambda: "({}, {} and {:,} rows)".format(*published.pretrain_sizes())),
    ("lightfmp_robustness", lambda: f"more than {passes_grids.STEPS:,} steps over many rows"),
    ("lightfmp_robustness", lambda: f"and planted rows to {rows_grids.PLANTED_ROWS[-1]:,};"),
    ("lightfmp_robustness", lambda: "nearer to the best than seeds spread are tried with "
     f"{WORDS[len(chance_grids.RECHECK)]} seeds more"),
    ("lightfmp_fig2d_pretrain_size", lambda: "at its largest size that is "
     f"{max(published.pretrain_sizes()) / size('Criteo', 'train').middle:.2%} of them".replace("%", " %")),
    ("lightfmp_table2_overall", lambda: f"public sample of {total(CRITEO):,} rows, not on {full('criteo')} "
     "million"),
    ("lightfmp_table2_overall", lambda: f"the same {WORDS[len(TABLE2['criteo'].candidates)]} learning rates"),
    ("lightfmp_table2_overall", lambda: f"{rates(TABLE2['criteo'].candidates)} instead of 1e-5"),
    ("lightfmp_table2_overall", lambda: f"for all methods {rows2['ml-1m']['train']:,} of its "
     f"{MOVIES['rows']['train']:,} training and {rows2['ml-1m']['val']:,} of its {MOVIES['rows']['val']:,} "
     "validation rows"),
    ("lightfmp_table2_overall", lambda: f"there are {len(MOVIES['fields'])} fields, of which a selector "
     f"keeps {len(MOVIES['fields']) - len(MOVIES['fields']) // 2}"),
    ("lightfmp_table2_overall", lambda: f"A sample of {total(AVAZU):,} rows, drawn from many hours, "
     f"{AVAZU['rows']['test']:,} of them for the test and {AVAZU['positives']['test']:,} of those clicks. "
     f"{WORDS[len(TABLE2['avazu'].seeds)].capitalize()} seeds instead of "
     f"{WORDS[len(TABLE2['criteo'].seeds)]}"),
    ("lightfmp_table2_overall", lambda: f"{TRAIN:,}, {rows2['ml-1m']['train']:,} and "
     f"{AVAZU['rows']['train']:,} training rows instead of {millions('Criteo', 'train')}, "
     f"{millions('MovieLens', 'train')} and {millions('Avazu', 'train')} million"),
    ("lightfmp_table2_overall", lambda: f"less than {CRITEO['settings']['threshold']} times (Criteo) or "
     f"{AVAZU['settings']['threshold']} times (Avazu)"),
    ("lightfmp_table3_backbones", saved_times),
    ("lightfmp_table3_backbones", wrong_improvement),
    ("lightfmp_table3_backbones", lambda: f"the same {WORDS[len(TABLE3.candidates)]} learning rates"),
    ("lightfmp_table3_backbones", lambda: f"public {total(CRITEO):,}-row sample of Criteo, not on "
     f"{full('criteo')} million"),
    ("lightfmp_table3_backbones", lambda: f"{TRAIN:,} training rows instead of {millions('Criteo', 'train')} "
     "million"),
    ("lightfmp_table3_backbones", lambda: f"An epoch has {steps_an_epoch(TRAIN, TABLE3.training.batch_size)} "
     f"steps here, so the grid is moved up: {rates(TABLE3.candidates)}"),
    ("lightfmp_table3_backbones", lambda: f"batch size ({TABLE3.training.batch_size:,} here; "
     f"{SUBSET.pretrain_batch_size} in pretraining), the number of pretraining steps ({passes:,})"),
    ("lightfmp_table3_backbones", lambda: f"takes {one_pass:,} rows once"),
    ("performance", lambda: f"exponent {PlantedSettings().zipf} in fields of Criteo's sizes "
     f"({sum(CRITEO_SIZES):,} ids)"),
    ("planted_recovery", lambda: f"{PlantedSettings().informative} are informative"),
]  # fmt: skip

# Of a paper, of its public code, or a setting that a sentence describes: nothing here decides them.
GIVEN = {
    "lers_table1_methods": {"1,024"},  # hashes of DHE by the paper
    "lers_table5_ctr": {"1,024"},
    "lers_table6_cf": {"1,024"},  # DHE's hashes in the paper
    "lers_conventions": {"1,024"},  # what peers write over scores
    "lers_walkthrough": {"1,024"},
    "performance": {"2,048"},  # a batch in the benchmarks
    "lightfmp_table1_datasets": {"2,000"},
    "lightfmp_open_questions": {"2,000"},
    "lightfmp_fig3_mask": {"2,000"},
    "lightfmp_walkthrough": {"2,000"},
    "lightfmp_fig2c_prune_ratio": {"2,000"},
    "lightfmp_fig2d_pretrain_size": {"2,000"},
    "lightfmp_table2_overall": {"2,000"},  # the arm's name
    "lightfmp_table3_backbones": {"2,000"},
    "book/intro.md": {"2,000"},
}


def prose(page: str) -> str:
    """The text of a page, blanks alike."""
    path = project_root() / (page if page.endswith(".md") else f"notebooks/{page}.ipynb")
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return " ".join(text.split())


def pages() -> list[str]:
    return [*sorted(p.stem for p in Path(project_root() / "notebooks").glob("*.ipynb")), "book/intro.md"]


@pytest.mark.parametrize("page", sorted({page for page, _ in CHECKS}))
def test_numbers_in_prose_are_those_of_their_sources(page):
    text = prose(page)
    said = [made() for of, made in CHECKS if of == page]
    assert [fragment for fragment in said if fragment not in text] == []


@pytest.mark.parametrize("page", pages())
def test_every_large_number_in_prose_is_checked(page):
    """A count with a comma is a figure that a source decides, so that some check has to hold it."""
    found = set(re.findall(r"\d{1,3}(?:,\d{3})+", prose(page)))
    checked = set(re.findall(r"\d{1,3}(?:,\d{3})+", " ".join(made() for of, made in CHECKS if of == page)))
    assert found - checked - GIVEN.get(page, set()) == set()
    assert GIVEN.get(page, set()) <= found


def test_remarks_of_the_audit_follow_the_printed_cells(monkeypatch):
    """With MagPrune's printed AUC raised at 95 %, it is right in all blocks, and the remark says so."""

    def remark() -> str:
        return next(f.consequence for f in audit.audit_findings("lers") if "abstract-1" in f.sentences)

    assert remark() == "right in 4 of 4 (t = 50%), 4 of 4 (t = 80%), 1 of 4 (t = 95%)"
    raised = published.lers_table5()
    raised.loc[(raised.method == "MagPrune") & (raised.sparsity == 0.95), "auc"] = 0.9
    monkeypatch.setattr(published, "lers_table5", lambda: raised)
    assert remark() == "right in 4 of 4 (t = 50%), 4 of 4 (t = 80%), 4 of 4 (t = 95%)"


def test_conventions_turn_an_order_on_planted_lists_and_hardly_on_others():
    """As the page on conventions says of its own run and of the reference's sets."""
    cells = json.loads((project_root() / "notebooks" / "lers_conventions.ipynb").read_text())["cells"]
    shown = [
        "".join(output["data"].get("text/plain", ()))
        for cell in cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    titles = ("Reference", "This run")
    tables = {title: next(text for text in shown if text.startswith(title)) for title in titles}
    agreements = {title: re.findall(r"[+-]\d\.\d\d(?=  +(?:yes|no))", text) for title, text in tables.items()}
    least = {title: min(map(float, values)) for title, values in agreements.items()}
    assert least["Reference"] >= 0.98 and least["This run"] < 0.9
