"""Each way of choosing fields as a drawing, and the controls that it is held against."""

from collections.abc import Sequence

from ..show.drawing import CELL, Drawing

TOP = 34
SCORES = (0.9, 0.15, 0.6, 0.3, 0.8, 0.1, 0.7, 0.25, 0.95, 0.2)  # of ten fields, of which five stay
STAYS = tuple(score > 0.5 for score in SCORES)


def _bars(d: Drawing, x: float, y: float, scores: Sequence[float]) -> Drawing:
    for n, score in enumerate(scores):
        d.box(x + n * CELL + 2, y + 44 * (1 - score), CELL - 4, 44 * score, "kept" if STAYS[n] else "part")
    return d.line((x - 4, y + 44), (x + len(scores) * CELL + 4, y + 44))


def ranked_way(
    title: str, score: str, then: str = "train anew on these", scores: Sequence[float] = SCORES
) -> Drawing:
    """Fields by a score, of which the best stay.

    Args:
        title: of the drawing. score: what a bar is. then: what follows. scores: of ten fields.
    """
    d = Drawing(
        title,
        f"Ten columns of a log, a bar for each: {score}. The five with the longest bars stay; then: {then}.",
        400,
        170,
    )
    d.text(0, 22, "ten fields", kind="head").cells(
        4, TOP, 4, 10, lambda _r, c: "kept" if STAYS[c] else "part"
    )
    _bars(d, 4, TOP + 64, scores).text(0, TOP + 126, score, kind="note")
    d.line((156, TOP + 28), (206, TOP + 28), arrow=True).text(181, TOP + 20, "best k", "middle", "note")
    d.text(216, 22, "the smaller model's", kind="head").cells(216, TOP, 4, 5)
    return d.text(216, TOP + 78, then, kind="note")


def at_random() -> Drawing:
    """As many, drawn."""
    return ranked_way(
        "Random fields", "a lot for each field", scores=(0.9, 0.4, 0.6, 0.5, 0.8, 0.3, 0.7, 0.45, 0.95, 0.2)
    )


def row_gates() -> Drawing:
    """A gate for each row and field."""
    weights = ((9, 2, 5, 1, 0), (1, 8, 4, 0, 3), (6, 0, 9, 2, 1), (0, 3, 7, 9, 2))
    d = Drawing(
        "A gate for each row and field",
        "Four rows of five fields; a small network says anew for each row how much each field counts. All "
        "fields stay in the model.",
        380,
        120,
    )
    d.text(0, 22, "rows × fields", kind="head").cells(0, TOP, 4, 5, "part").line(
        (76, TOP + 28), (102, TOP + 28), arrow=True
    )
    d.box(106, TOP + 8, 78, 40).text(145, TOP + 32, "controller", "middle").line(
        (186, TOP + 28), (212, TOP + 28), arrow=True
    )
    d.text(218, 22, "gates, row by row", kind="head")
    for r, row in enumerate(weights):
        for c, weight in enumerate(row):
            side = CELL * (weight / 9) ** 0.5
            if side:
                middle = (218 + (c + 0.5) * 18, TOP + (r + 0.5) * 16)
                d.cells(middle[0] - side / 2, middle[1] - side / 2, 1, 1, "learnt", round(side, 1))
    return d.text(0, TOP + 80, "every table is still read", kind="note")


def value_gates() -> Drawing:
    """A gate for each value."""
    gone = {1, 4, 5, 8}
    d = Drawing(
        "OptFS: a gate for each value",
        "A table of ten rows; a gate beside each says whether the row stays. Four rows go, whichever field "
        "they are of.",
        330,
        190,
    )
    d.text(0, 22, "gate", kind="head").text(44, 22, "rows of E", kind="head")
    d.cells(10, TOP, 10, 1, lambda r, _: "gone" if r in gone else "learnt")
    return (
        d.cells(44, TOP, 10, 8, lambda r, _: "gone" if r in gone else "kept")
        .text(170, TOP + 74, "a value whose gate", kind="note")
        .text(170, TOP + 88, "closed reads as zero", kind="note")
    )


def light_fmp_way() -> Drawing:
    """Light-FMP's Figure 1 in our own."""
    d = Drawing(
        "Light-FMP: learn gates on few rows, cut, train on",
        "Phase one: the model is trained on 2,000 rows with a gate on each field. Phase two: fields whose "
        "gates are lowest are cut out of the data and of the model, and the weights of the rest are copied. "
        "Phase three: the smaller model is trained on all other rows.",
        720,
        220,
        wide=True,
    )
    d.text(0, 20, "1  Pretrain with gates, on few rows", kind="head")
    d.text(270, 20, "2  Cut", kind="head").text(500, 20, "3  Train on, on the rest", kind="head")
    d.cells(4, 168, 2, 10, "part").text(160, 186, "D_S, 2,000 rows", kind="note")
    d.line((74, 164), (74, 148), arrow=True)
    d.cells(4, 130, 1, 10, lambda _, c: "kept" if STAYS[c] else "part").text(
        160, 141, "vectors e of fields", kind="note"
    )
    for n, score in enumerate(SCORES):
        d.box(4 + n * CELL + 3, 122 - 22 * score, CELL - 6, 22 * score, "learnt")
    d.text(160, 115, "× gates z", kind="note").line((74, 94), (74, 80), arrow=True)
    d.box(14, 44, 120, 34).text(74, 65, "network", "middle").line((74, 42), (74, 30), arrow=True)
    d.text(160, 65, "click?", kind="note")
    d.line((236, 112), (262, 112), arrow=True)
    d.cells(270, 130, 1, 10, lambda _, c: "kept" if STAYS[c] else "gone").box(280, 44, 120, 34, "gone")
    d.box(280, 44, 72, 34).text(316, 65, "smaller", "middle").line((340, 126), (320, 82), arrow=True)
    d.text(270, 166, "the k largest gates stay;", kind="note").text(
        270, 180, "rows, columns and weights", kind="note"
    )
    d.text(270, 194, "of the others are not copied", kind="note").line((436, 112), (490, 112), arrow=True)
    d.text(463, 104, "copy", "middle", "note").cells(500, 168, 3, 5).text(
        580, 190, "D − D_S, kept columns", kind="note"
    )
    d.line((535, 164), (535, 148), arrow=True).cells(500, 130, 1, 5).line((535, 126), (535, 82), arrow=True)
    return d.box(499, 44, 72, 34).text(535, 65, "smaller", "middle").text(580, 65, "served", kind="note")


def stream_way() -> Drawing:
    """Gates while the one pass begins."""
    d = Drawing(
        "Light-FMP in one pass",
        "One pass over the rows. In its first stretch gates are on and their budget falls; once the choice "
        "settles the model is cut and the same pass goes on without gates.",
        420,
        130,
    )
    d.text(0, 22, "one pass over the training rows", kind="head").box(0, TOP, 150, 26, "learnt").box(
        150, TOP, 250, 26, "kept"
    )
    d.text(0, TOP + 44, "gates on, ever fewer open", kind="note").line(
        (150, TOP + 86), (150, TOP + 30), arrow=True
    )
    return d.text(160, TOP + 66, "choice settled: cut here, go on").text(
        160, TOP + 84, "weights and Adam's moments stay", kind="note"
    )


def regrow_way() -> Drawing:
    """One field back for one that goes."""
    d = ranked_way("Light-FMP with regrowing", "gate of each field", "train on; swap once")
    return (
        d.line((220, TOP + 110), (282, TOP + 110), arrow=True)
        .line((282, TOP + 120), (220, TOP + 120), arrow=True)
        .text(216, TOP + 102, "a wrong one out, a better one in", kind="note")
    )


def factors() -> Drawing:
    """Users times items."""
    d = Drawing(
        "Users times items",
        "A matrix of users and items, in which few pairs are marked; a thin table of users times a thin "
        "table of items stands for it.",
        380,
        130,
    )
    seen = {(0, 2), (1, 5), (2, 0), (3, 3), (4, 7), (5, 2), (5, 9)}
    d.text(0, 22, "users × items", kind="head").cells(
        0, TOP, 6, 10, lambda r, c: "learnt" if (r, c) in seen else "gone"
    )
    d.text(160, TOP + 46, "≈", "middle", "head").cells(180, TOP, 6, 2).text(
        222, TOP + 46, "×", "middle", "head"
    )
    return d.cells(236, TOP + 28, 2, 10)


def the_way() -> Drawing:
    """From raw files to a page."""
    d = Drawing(
        "The way of the data",
        "Raw files are prepared into a dataset folder; loaded, it makes a task of data and backbone; a "
        "method turns the task into an outcome, a model ready to serve; it is evaluated into a record; pages "
        "read records and draw.",
        764,
        128,
        wide=True,
    )
    steps = (
        ("raw files", "csv, parquet", "prepare"),
        ("dataset", "ids on disk", "load"),
        ("Task", "data + model", "method"),
        ("Outcome", "to serve", "evaluate"),
        ("Record", "one a run", "read"),
        ("page", "what you see", ""),
    )
    for n, (name, what, verb) in enumerate(steps):
        x = 4 + n * 134
        d.box(x, 40, 82, 46).text(x + 41, 60, name, "middle", "head").text(x + 41, 77, what, "middle", "note")
        if verb:
            d.line((x + 88, 63), (x + 128, 63), arrow=True).text(x + 108, 54, verb, "middle", "note")
    d.cells(17, 96, 2, 4, "part").cells(151, 96, 2, 4, "shared").cells(285, 96, 2, 4).cells(433, 96, 2, 2)
    d.cells(553, 96, 1, 4, "learnt")
    return d.text(4, 20, "one way, each arrow one call; nothing downstream reaches back", kind="note")
