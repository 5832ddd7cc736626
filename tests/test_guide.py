"""The page that decides, the front page's cards and a page a method: words follow from hand-made cases."""

import ast
import re
from dataclasses import replace

import nbformat
import pandas as pd
import pytest

from lfmp_book.evidence.outcomes import OUTCOMES
from lfmp_book.guide import cards, effects, known, lists, matrix, page, words
from lfmp_book.guide.effects import RecordSource
from lfmp_book.methods import page as method_page
from lfmp_book.methods.entries import ENTRIES
from lfmp_book.methods.entry import KINDS
from lfmp_book.notebooks import notebook_names, notebooks_folder
from lfmp_core.embeddings.registry import TABLES
from lfmp_core.errors import UnknownName
from lfmp_core.methods import METHODS
from lfmp_core.metrics import NDCG20
from lfmp_core.settings import project_root

TABLE = RecordSource("a", "page_a", "table", "whole", ("small",))
OTHER = replace(TABLE, item="b", page="page_b")
CLEAR, WORSE, BETTER, OPEN = (
    (0.0, -0.0002, 0.0003),
    (-0.02, -0.03, -0.01),
    (0.02, 0.01, 0.03),
    (0.0, -0.01, 0.01),
)


def made(source, told, *, seeds=3, dataset="criteo", size=50.0, old=(), fields=39.0):
    """Runs and comparisons of arms at 80 %: arm → (against the whole, against the small one)."""
    shape = {"dataset": dataset, "backbone": "deepfm"}
    whole = {"bytes": 100.0, "TT": 10.0, "IT": 4.0, "fields_kept": 39.0, "stale": False}
    frame = [{**shape, "arm": "whole", "budget": 0.0, **whole}]
    compared = []
    for arm, against in told.items():
        frame.append(
            {
                **shape,
                "arm": arm,
                "budget": 0.8,
                "bytes": size,
                "TT": 20.0,
                "IT": 1.0,
                "fields_kept": fields,
                "stale": arm in old,
            }
        )
        for other, found in zip(("whole", "small"), against, strict=True):
            if found is not None:
                difference, low, high = found
                row = {**shape, "arm": arm, "budget": 0.8, "against": other, "metric": "auc"}
                compared.append(row | {"difference": difference, "low": low, "high": high, "seeds": seeds})
    return source, pd.DataFrame(frame), pd.DataFrame(compared)


def by_arm(*parts):
    return {action.arm: action for action in effects.actions(parts)}


def test_words_are_adjusted_for_all_comparisons_of_all_pages():
    """An interval clear of 0 at 95 % is undecided beside nineteen others, wherever those are."""
    close, far = (-0.010, -0.019, -0.001), {f"b{i}": (OPEN, OPEN) for i in range(9)}
    alone = by_arm(made(TABLE, {"x": (close, None)}))["x"].cases[0]
    beside = by_arm(made(TABLE, {"x": (close, None)}), made(OTHER, far))["x"].cases[0]
    assert (alone.outcome, beside.outcome) == ("worse", "undecided")
    assert (beside.low, beside.high) == close[1:]
    both = effects.actions([made(TABLE, {"x": (close, None)}), made(OTHER, far)])
    assert effects.num_comparisons(both) == 19


def test_verdicts():
    found = by_arm(
        made(
            TABLE,
            {
                "clear": (CLEAR, OPEN),
                "tied": (OPEN, WORSE),
                "lost": (WORSE, WORSE),
                "lost, tied with small": (WORSE, OPEN),
                "lost, beats small": (WORSE, BETTER),
                "lost, never held": (WORSE, None),
                "small": (WORSE, None),
            },
        )
    )
    assert {arm: a.verdict for arm, a in found.items()} == {
        "clear": "free",
        "tied": "open",
        "lost": "never",
        "lost, tied with small": "costs",
        "lost, beats small": "costs",
        "lost, never held": "costs",
        "small": "costs",
    }


def test_what_keeps_a_part_of_every_field_is_no_way_of_having_fewer():
    source = replace(TABLE, removes="fields")
    fewer = made(source, {"selector": (OPEN, OPEN)}, fields=20.0)
    parts = made(replace(source, item="b"), {"values": (CLEAR, OPEN)})
    found = effects.actions([fewer, parts])
    assert [a.arm for a in words.field_removals(found)] == ["selector"]
    assert [words.taken(a) for a in found] == ["80 % of the fields", "a part of every field"]
    assert "of 1 ways that halve them, selector" in repr(words.needs(found))


def test_one_case_that_is_better_keeps_a_way_from_never():
    bad = made(TABLE, {"x": (WORSE, WORSE)})
    good = made(TABLE, {"x": (BETTER, OPEN)}, dataset="avazu")
    assert by_arm(bad)["x"].verdict == "never" and by_arm(bad, good)["x"].verdict == "costs"


def test_figures_of_a_way():
    low = made(TABLE, {"x": (OPEN, OPEN)}, size=25.0)
    high = made(TABLE, {"x": (WORSE, OPEN)}, dataset="avazu", size=75.0)
    x = by_arm(low, high)["x"]
    assert x.ratios("bytes") == (0.25, 0.75) and x.mean("bytes") == 0.5 and x.ratios("TT") == (2.0, 2.0)
    assert x.worst.dataset == "avazu" and x.possible == 0.03 and x.gain == pytest.approx(-0.01)
    assert (x.count("undecided"), x.count("worse"), x.held("undecided")) == (1, 1, 2)
    assert by_arm(made(TABLE, {"x": (BETTER, BETTER)}))["x"].possible == 0.0


def test_a_case_of_two_pages_counts_once_with_the_most_seeds():
    few, many = made(TABLE, {"x": (WORSE, WORSE)}), made(OTHER, {"x": (OPEN, OPEN)}, seeds=5)
    for parts in ((few, many), (many, few)):
        [case] = by_arm(*parts)["x"].cases
        assert (case.page, case.seeds, case.outcome) == ("page_b", 5, "undecided")


def of_lists(told, dataset="gowalla", seeds=1):
    source, frame, compared = made(replace(TABLE, metric=NDCG20), told, dataset=dataset, seeds=seeds)
    assert not effects.actions([(source, frame, compared)])  # AUC is not what this source is held by
    return source, frame, compared.assign(metric="ndcg20")


def test_collaborative_filtering_is_told_in_its_own_metric():
    found = effects.actions([of_lists({"x": (WORSE, BETTER), "y": (OPEN, None)})])
    assert {action.metric for action in found} == {NDCG20}
    told, counted = lists.losses_by_share(found, (3, 118)).sentences
    assert told == (
        "**80 % of the table**: 0 better, 0 equal, 1 undecided, 1 worse of 2. Gowalla, DeepFM: y loses least "
        "of 2, +0.0000 [-0.0100, +0.0100]."
    )
    assert counted.startswith("3 of 118 cells have records. The words are adjusted for 3 comparisons (Holm);")
    assert "with one seed" in counted
    three = lists.losses_by_share(
        effects.actions([of_lists({"x": (OPEN, None)}, seeds=3)]), (1, 1)
    ).sentences[-1]
    assert "one seed" not in three
    shown = lists.ways_table(found)
    assert "test users" in shown.header[-1] and "29,858" in shown.plain[0] and "Test NDCG@20" in shown.note
    assert repr(lists.ways_table([])) == "Collaborative filtering: no reference records yet."
    with pytest.raises(ValueError):
        effects.actions([of_lists({"x": (OPEN, None)}), made(TABLE, {"x": (OPEN, None)})])


def test_words_follow_the_cases():
    told = {"tied": (OPEN, OPEN), "lost": (WORSE, WORSE), "even": (WORSE, OPEN), "small": (OPEN, None)}
    found = effects.actions([made(TABLE, told)])
    answer = f"{words.answer(found)!r}\n{words.never(found)!r}"
    assert (
        "Nothing is shown to be free." in answer and "0 better, 0 equal, 2 undecided, 2 worse of 4" in answer
    )
    assert "Worse in no case: 2 of 4 methods; a loss of more than 0.01 is excluded in every case" in answer
    assert "by its own interval, for 2: tied and small." in answer and "all 7 comparisons of this" in answer
    assert "never pays here** (table)" in answer and answer.count("lost at 80 %") == 1
    [unshown] = [line for line in answer.splitlines() if "Not shown to pay" in line]
    assert unshown.endswith("in none: even at 80 %.")
    free = repr(words.answer(effects.actions([made(TABLE, {"a, b": (CLEAR, OPEN), "c": (CLEAR, OPEN)})])))
    assert "**a, b (80 % of the table) and c (80 % of the table) is shown" not in free
    assert "Shown to be free: a, b (80 % of the table); c (80 % of the table)." in free


def test_needs_take_only_what_saves_and_is_worse_in_no_case():
    told = {"tied": (OPEN, OPEN), "lost": (WORSE, WORSE)}
    bytes_, training, scoring = words.needs(effects.actions([made(TABLE, told)])).sentences
    assert "tied (80 % of the table) saves most: × 0.50;" in bytes_ and "lost" not in bytes_
    assert "a loss of 0.0100 is not excluded" in bytes_ and "tied" in scoring
    assert training.count("othing saves it in every case and excludes a loss of more than") == 2


def test_what_may_lose_more_than_a_bound_is_not_offered_under_it():
    told = {"near": ((0.0, -0.009, 0.009), OPEN), "far": ((0.0, -0.03, 0.03), OPEN)}
    found = effects.actions([made(TABLE, told)])
    assert [a.arm for a in words.bounded(found, 0.01)] == ["near"] and len(words.bounded(found, 0.03)) == 2


def test_limits_count_what_is_wide_and_what_is_stale():
    told = {"clear": (CLEAR, OPEN), "lost": (WORSE, WORSE), "tied": (OPEN, OPEN)}
    sure = repr(words.limits(effects.actions([made(TABLE, told, old=("lost",))])))
    assert "2 of 3 are wider than ± 0.001" in sure and "± 0.0100 in the median" in sure
    assert "adjusted for all 6 comparisons" in sure
    assert "Of 3 cases 1 rest on records" in sure and "13,715 test rows of Criteo" in sure


def test_table_has_what_never_pays_last_and_leads_to_its_pages():
    told = {"lost": (WORSE, WORSE), "tied": (OPEN, OPEN)}
    shown = page.decision_table(effects.actions([made(TABLE, told)]))
    assert [row[0] for row in shown.plain] == ["tied", "lost"]
    assert shown.plain[1][2] == "never pays here" and "13,715" in shown.plain[0]
    assert '<a href="page_a.html">page_a</a>' in shown._repr_html_()


def test_cards_count_what_the_records_say():
    told = {"clear": (CLEAR, OPEN), "lost": (WORSE, WORSE), "tied": (OPEN, OPEN)}
    free, costs, never, sure = cards.cards(effects.actions([made(TABLE, told)])).cards
    assert (free.figure, costs.figure, never.figure, sure.figure) == ("1 of 3", "0 of 0", "1 of 3", "1 of 3")
    assert "1 of 3 comparisons are equal" in free.text
    assert (
        "2 exclude a loss of more than 0.01 in every case" in free.text and "all 6 comparisons" in sure.text
    )
    assert "0 better, 1 equal, 1 undecided, 1 worse of 3" in costs.text and "13,715 (Criteo)" in sure.text


def test_picture_says_what_it_has_no_room_for():
    far = (-0.2, -0.3, -0.1)
    told = {"tied": (OPEN, OPEN), "far": (far, WORSE)}
    shown = page.picture(effects.actions([made(TABLE, told)]))
    assert "2 ways" in shown.words and "Below the picture: far 80 % at -0.200." in shown.words


def test_the_part_shown_is_named_right():
    found = known.known()
    assert {a.removes for a in known.those_that_remove(found, "fields")} == {"fields"}
    assert len(known.those_that_remove(found, "")) == len(found)
    with pytest.raises(UnknownName, match="did you mean 'fields'"):
        known.those_that_remove(found, "field")


def test_records_are_counted_once_and_against_the_whole():
    found = known.known()
    assert {source.item for source in known.SOURCES} == {"lers_table5", "lightfmp_table2", "lightfmp_table3"}
    for action in found:
        places = [(case.dataset, case.backbone) for case in action.cases]
        assert len(set(places)) == len(places) and action.arm not in {s.whole for s in known.SOURCES}
        assert all(case.low <= case.difference <= case.high for case in action.cases)


def test_links_of_the_guide_lead_to_pages():
    pages = {case.page for action in known.known() for case in action.cases}
    pages |= {card.page for card in cards.cards(known.known()).cards}
    assert pages <= set(notebook_names())


def test_the_front_page_shows_what_is_kept_for_it():
    """What `{glue}` names stands in the stored notebook, and is what the records say now."""
    asked = re.findall(
        r"```\{glue\} (\S+)\n:doc: executed/decide\.ipynb", (project_root() / "book/intro.md").read_text()
    )
    cells = nbformat.read(notebooks_folder() / "decide.ipynb", as_version=4).cells
    kept = {
        o.metadata["scrapbook"]["name"]: o.data
        for c in cells
        for o in c.get("outputs", [])
        if "scrapbook" in o.get("metadata", {})
    }
    assert asked == list(kept)
    assert kept["front-cards"][cards.GLUED + "text/html"] == cards.cards(known.known())._repr_html_()


def test_the_guide_knows_no_page():
    """It reads records by what lies below the pages of a paper."""
    below = {"lers.grids", "lers.cf_arms", "lightfmp.arms", "lightfmp.selectors"}
    folder = project_root() / "book/lfmp_book/guide"
    found = {
        node.module
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module
    }
    assert {module for module in found if module.split(".")[0] in ("lers", "lightfmp")} <= below | {
        "lightfmp"
    }


def test_the_matrix_has_a_mark_for_each_case():
    found = known.known()
    for drawn, own in (
        (matrix.of_tables(found), [a for a in found if a.removes == "table"]),
        (matrix.of_fields(found), words.field_removals(found)),
    ):
        assert len(drawn.svg()) < 10_000
        for word in OUTCOMES:
            marks = [m for m in drawn.marks if f'class="{word}"' in m]
            count = sum(m.count("M") for m in marks)
            assert count == 1 + sum(
                c.outcome == word for c in effects.cases_of(own)
            )  # one more in the legend
            assert f"{count - 1} {word}" in drawn.words or len(marks) > 0


# ---- a page a method


def test_every_method_table_and_arm_has_its_page():
    assert {m for e in ENTRIES.values() for m in e.methods} == set(METHODS)
    assert {t for e in ENTRIES.values() for t in e.tables} == set(TABLES)
    arms = [arm for e in ENTRIES.values() for arm in e.arms]
    assert sorted(arms) == sorted({a.arm for a in known.known()}) and set(KINDS) == {
        e.kind for e in ENTRIES.values()
    }


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_has_idea_drawing_formula_numbers_and_code(name):
    text, entry = method_page.page(name), ENTRIES[name]
    assert text.startswith(
        f"# {entry.title}\n\n{method_page.escaped(method_page.idea(entry))}\n\n<!-- drawing {name} -->"
    )
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads == [
        "Formula",
        "Where it suits",
        "Our numbers",
        "In code",
        *(["Source"] if entry.cites else []),
    ]
    bibliography = (project_root() / "book/references.bib").read_text()
    assert all(f"{{{key}," in bibliography for key in entry.cites)
    assert set(entry.pages) <= set(notebook_names())
    for file in re.findall(r"\{literalinclude\} /(\S+)\n:pyobject: (\w+)", text):
        assert re.search(rf"^(def|class) {file[1]}\b", (project_root() / file[0]).read_text(), re.MULTILINE)
    for method in entry.methods:
        assert f'get_method("{method}")' in text
    for arm in entry.arms:
        assert f"<td>{arm}</td>" in text.replace(" °", "")


def test_numbers_of_a_page_are_those_of_the_guide():
    own = [a for a in known.known() if a.arm == "QR"]
    text, cases = method_page.numbers_of(ENTRIES["qr"]), effects.cases_of(own)
    best, worst = (f"({c.difference:+.4f} [" for c in (max(cases, key=_gain), min(cases, key=_gain)))
    assert best in text and worst in text and f"of {len(cases)} cases" in text
    assert '<a href="../executed/lers_table5_ctr.html">' in text
    assert {s.page for s in known.SOURCES} <= set(notebook_names())


def _gain(case):
    return case.difference
