"""Each form of a table as a drawing: what is stored, and how a row is made of it."""

from collections.abc import Callable, Container, Iterable

from ..show.drawing import CELL, Drawing

TOP = 34  # where tables begin, below their names
_STAYS = {(0, 2), (1, 5), (2, 0), (2, 6), (3, 3), (5, 1), (5, 7), (6, 4), (7, 2), (8, 6), (9, 0), (9, 5)}


def _kept(columns: Container[int], gone: Container[int] = ()) -> Callable[[int, int], str]:
    """What stays: some columns, of all rows but some."""
    return lambda row, column: "kept" if column in columns and row not in gone else "gone"


def _row_arrow(drawing: Drawing, x: float, y: float) -> Drawing:
    """Where one row leaves a table, as the vector of an id."""
    return drawing.line((x, y), (x + 26, y), arrow=True).text(x + 32, y + 4, "row eᵢ")


def _below(drawing: Drawing, blocks: Iterable[tuple[str, int, Callable[[int, int], str]]]) -> list[int]:
    """Blocks of 8 columns below each other, each a name, its rows and what its cells are; their tops."""
    y, tops = TOP, []
    for name, rows, cells in blocks:
        drawing.text(0, y + rows * CELL / 2 + 4, name, kind="note").cells(44, y, rows, 8, cells)
        tops.append(y)
        y += rows * CELL + 4
    return tops


def full_form() -> Drawing:
    """The plain table."""
    d = Drawing(
        "A plain table",
        "Ten rows, one for each id, of eight numbers each; an id's vector is its row.",
        300,
        190,
    )
    d.text(20, 22, "E: n ids × D numbers", kind="head").cells(20, TOP, 10, 8)
    return _row_arrow(d.text(0, TOP + 4.7 * CELL, "i"), 140, TOP + 4.5 * CELL)


def fewer_dimensions_form() -> Drawing:
    """The plain table with fewer columns."""
    d = Drawing(
        "A plain table of fewer dimensions",
        "Ten rows as before, of two numbers instead of eight; the other six columns are gone.",
        300,
        190,
    )
    d.text(20, 22, "n ids × d < D numbers", kind="head")
    d.cells(20, TOP, 10, 8, lambda _row, column: "kept" if column < 2 else "gone")
    return _row_arrow(d, 140, TOP + 4.5 * CELL)


def hashing_form() -> Drawing:
    """Ids share rows."""
    d = Drawing(
        "Hashing",
        "Ten ids point at three rows; several ids share a row and can't be told apart.",
        300,
        190,
    )
    d.text(0, 22, "ids", kind="head").text(130, 22, "b shared rows", kind="head")
    d.cells(0, TOP, 10, 1, "gone").cells(130, TOP + 49, 3, 8, "shared")
    for i in range(10):
        end = TOP + 49 + (i * 7 % 3 + 0.5) * CELL
        d.line((16, TOP + (i + 0.5) * CELL), (128, end), kind="thin")
    return d.text(130, TOP + 112, "h(i) mod b", kind="note")


def qr_form() -> Drawing:
    """Quotient and remainder."""
    d = Drawing(
        "QR: quotient times remainder",
        "A row of a small table, chosen by the remainder of i, is multiplied number by number with a row of "
        "another, chosen by the quotient. The two together are smaller than the whole table.",
        350,
        170,
    )
    d.text(0, 22, "E₁: i mod p", kind="head").cells(0, TOP, 3, 8, lambda r, _: "shared" if r == 1 else "part")
    d.text(0, 100, "E₂: ⌊i/p⌋", kind="head")
    d.cells(0, 108, 4, 8, lambda r, _: "shared" if r == 2 else "part")
    d.line((116, TOP + 1.5 * CELL), (150, 88), arrow=True).line(
        (116, 108 + 2.5 * CELL), (150, 98), arrow=True
    )
    d.text(162, 98, "⊙", "middle", "head").line((174, 93), (196, 93), arrow=True)
    return d.cells(202, 86, 1, 8).text(202, 120, "eᵢ, the product", kind="note")


def tt_rec_form() -> Drawing:
    """A train of three cores."""
    d = Drawing(
        "TT-Rec: a train of small tensors",
        "Three small cores. A digit of the id picks a slice of each; the product of the three slices, as "
        "matrices, is the row.",
        370,
        170,
    )
    for k, (x, wide, tall) in enumerate(((0, 3, 1), (90, 3, 3), (180, 1, 3)), start=1):
        d.text(x, 22, f"G{'₁₂₃'[k - 1]}", kind="head")
        for slice_ in range(3):
            d.cells(x + 7 * slice_, TOP + 10 + 7 * slice_, tall, wide, "shared" if slice_ == 2 else "part")
        d.text(x, 126, f"digit i{'₁₂₃'[k - 1]}", kind="note")
        if k < 3:
            d.text(x + 76, TOP + 40, "×", "middle", "head")
    d.line((222, TOP + 36), (248, TOP + 36), arrow=True).cells(254, TOP + 29, 1, 8)
    return d.text(254, TOP + 62, "eᵢ, reshaped", kind="note")


def dhe_form() -> Drawing:
    """Hashes and a network."""
    d = Drawing(
        "DHE: a network over hashes",
        "No row is stored. The id goes through many fixed hashes; their values are a code, and a small "
        "network makes the vector of it.",
        400,
        170,
    )
    d.text(0, 82, "i").line((10, 78), (34, 78), arrow=True)
    d.text(40, 22, "k hashes", kind="head").cells(40, TOP, 8, 1, "gone").text(40, 164, "fixed", kind="note")
    for x, count in ((110, 5), (170, 5)):
        d.cells(x, TOP + (8 - count) * CELL / 2, count, 1, "learnt")
    for left, right in ((56, 108), (126, 168), (186, 232)):
        for a in (-32, 0, 32):
            for b in (-22, 0, 22):
                d.line((left, 90 + a), (right, 90 + b), kind="thin")
    d.text(110, 22, "network, learnt", kind="head").cells(236, TOP, 8, 1)
    return (
        d.text(236, 164, "eᵢ")
        .text(262, 94, "serves from cached", kind="note")
        .text(262, 108, "rows or anew", kind="note")
    )


def memcom_form() -> Drawing:
    """Shared rows and a factor."""
    d = Drawing(
        "MEmCom: a shared row, times a number of the id's own",
        "Ids share the rows of a small table; each has one number of its own, with which its shared row is "
        "multiplied.",
        360,
        150,
    )
    d.text(0, 22, "U: b shared rows", kind="head")
    d.cells(0, TOP, 3, 8, lambda r, _: "shared" if r == 1 else "part")
    d.text(0, 140, "V: one number an id", kind="head")
    d.cells(0, 108, 1, 10, lambda _, c: "learnt" if c == 6 else "part")
    d.line((116, TOP + 1.5 * CELL), (150, 78), arrow=True).line((91, 106), (91, 92), (150, 84), arrow=True)
    d.text(162, 86, "×", "middle", "head").line((174, 82), (196, 82), arrow=True)
    return d.cells(202, 75, 1, 8).text(202, 109, "eᵢ", kind="note")


def mixed_dimension_form() -> Drawing:
    """A width for each field."""
    d = Drawing(
        "A width for each field",
        "Three fields, the largest with rows of one number, the smallest with all eight; a map of each short "
        "field brings its rows back to the common width.",
        360,
        190,
    )
    d.text(44, 22, "rows", kind="head").text(190, 22, "map to D", kind="head")
    blocks = (("large", 5, 1), ("middle", 3, 3), ("small", 2, 8))
    tops = _below(d, ((name, rows, _kept(range(width))) for name, rows, width in blocks))
    for y, (_, _, width) in zip(tops, blocks, strict=True):
        if width < 8:
            d.line((162, y + 10), (184, y + 10), arrow=True).cells(190, y, width, 8, "learnt", CELL * 0.8)
    return d


def pruned_form(
    title: str, words: str, course: tuple[tuple[float, float], ...], first: str, then: str
) -> Drawing:
    """Single numbers that stay, the index that says where, and the share at zero while training.

    Args:
        course: (part of the training, share at zero), both of 0 to 1.
        first, then: what is done.
    """
    d = Drawing(title, words, 440, 190)
    d.text(0, 22, "E and its mask", kind="head")
    d.cells(0, TOP, 10, 8, lambda r, c: "kept" if (r, c) in _STAYS else "gone")
    d.line((120, TOP + 15), (150, TOP + 15), arrow=True).text(160, 22, "as served", kind="head")
    d.cells(160, TOP + 8, 1, len(_STAYS)).text(160, TOP + 37, "the numbers that stay", kind="note")
    d.cells(160, TOP + 46, 1, 10, "shared").text(
        160, TOP + 75, "a mask and a start for each row", kind="note"
    )
    d.line((160, TOP + 98), (160, TOP + 140), (290, TOP + 140))
    d.line(*((160 + 130 * x, TOP + 140 - 40 * y) for x, y in course), kind="course")
    d.text(160, TOP + 93, "share at zero, over the training", kind="note")
    return d.text(300, TOP + 116, first, kind="note").text(300, TOP + 134, then, kind="note")


def magprune_form() -> Drawing:
    """By size, after training."""
    return pruned_form(
        "MagPrune: the smallest numbers go",
        "A table in which a few scattered numbers stay; they are stored one after another, with a mask and a "
        "start for each row. The table was trained whole, and the smallest numbers went last.",
        ((0, 0), (1, 0), (1, 0.9)),
        "1. train it whole",
        "2. zero the smallest",
    )


def pep_form() -> Drawing:
    """By a rising threshold."""
    return pruned_form(
        "PEP: a threshold that rises while training",
        "A table in which a few scattered numbers stay; they are stored one after another, with a mask and a "
        "start for each row. A threshold rises in training until enough are zero; what stays is trained "
        "again.",
        ((0, 0), (0.2, 0.05), (0.5, 0.9), (0.5, 0.9), (1, 0.9)),
        "1. threshold rises",
        "2. same start, anew",
    )


def deeplight_form() -> Drawing:
    """Little by little."""
    return pruned_form(
        "DeepLight: more go every few steps",
        "A table in which a few scattered numbers stay; they are stored one after another, with a mask and a "
        "start for each row. While training the smallest go, more of them each time, and may grow back until "
        "the next.",
        ((0, 0), (0.2, 0), (0.27, 0.4), (0.36, 0.66), (0.5, 0.82), (0.65, 0.9), (1, 0.9)),
        "1. prune as it trains",
        "2. mask fixed, on",
    )


def dsl_form() -> Drawing:
    """Sparse all along."""
    return pruned_form(
        "DSL: sparse from the first step",
        "A table in which a few scattered numbers stay; they are stored one after another, with a mask and a "
        "start for each row. No more are ever there: now and then the smallest move to where the gradient is "
        "largest.",
        ((0, 0.9), (1, 0.9)),
        "1. random places",
        "2. the smallest move",
    )


def cerp_form() -> Drawing:
    """Two pruned tables, added."""
    p, q = (
        {(0, 1), (0, 4), (1, 0), (1, 6), (1, 7), (2, 3), (2, 5)},
        {(0, 2), (0, 5), (1, 1), (1, 3), (2, 2), (2, 4), (2, 7)},
    )
    d = Drawing(
        "CERP: the sum of two small pruned tables",
        "A row of a small pruned table and a row of another are added; where one has a zero the other should "
        "have a number.",
        370,
        160,
    )
    d.text(0, 22, "P: i mod b", kind="head").cells(
        0, TOP, 3, 8, lambda r, c: "kept" if (r, c) in p else "gone"
    )
    d.text(0, 100, "Q: ⌊i/⌈n/b⌉⌋", kind="head").cells(
        0, 108, 3, 8, lambda r, c: "shared" if (r, c) in q else "gone"
    )
    d.line((118, TOP + 21), (152, 82), arrow=True).line((118, 129), (152, 92), arrow=True)
    d.text(162, 92, "+", "middle", "head").line((174, 87), (196, 87), arrow=True)
    of = {0: "kept", 6: "kept", 7: "kept", 1: "shared", 3: "shared"}
    return d.cells(202, 80, 1, 8, lambda _r, c: of.get(c, "gone")).text(
        202, 114, "eᵢ: zeros seldom meet", kind="note"
    )


def optembed_form() -> Drawing:
    """Rows of their own length."""
    d = Drawing(
        "OptEmbed: rows that go, and a width for each field",
        "Some rows are gone altogether; of the others each field keeps so many leading numbers. They are "
        "stored one after another, with a start for each row.",
        330,
        190,
    )
    d.text(44, 22, "rows × leading numbers", kind="head")
    blocks = (("field 1", 5, 3, (1, 3)), ("field 2", 3, 6, ()), ("field 3", 2, 4, (0,)))
    _below(d, ((name, rows, _kept(range(width), gone)) for name, rows, width, gone in blocks))
    return d.text(166, TOP + 20, "a row whose norm stays", kind="note").text(
        166, TOP + 34, "below its threshold goes", kind="note"
    )


def columns_of_fields_form() -> Drawing:
    """SSEDS: dimensions of fields."""
    d = Drawing(
        "SSEDS: dimensions that single fields need",
        "Of each field some columns stay, others go; which ones, one pass of gradients over a trained table "
        "said.",
        330,
        190,
    )
    d.text(44, 22, "columns by field", kind="head")
    blocks = (("field 1", 5, (0, 3)), ("field 2", 3, (1, 2, 5, 6)), ("field 3", 2, (0, 2, 4, 5, 7)))
    _below(d, ((name, rows, _kept(stays)) for name, rows, stays in blocks))
    return d.text(166, TOP + 20, "score |∂L/∂mask|", kind="note").text(
        166, TOP + 34, "of (field, column)", kind="note"
    )


def quantised_form() -> Drawing:
    """Few bits a number."""
    d = Drawing(
        "Few bits a number",
        "A number between the least and the greatest of its field is stored as the nearest of a few even "
        "steps: a code of few bits, with a step and an offset for each field.",
        370,
        132,
    )
    d.text(0, 22, "w, 32 bits", kind="head").cells(0, TOP, 1, 8)
    d.line((122, TOP + 7), (150, TOP + 7), arrow=True)
    d.text(158, 22, "q, 4 bits", kind="head").cells(158, TOP, 1, 8, "learnt", CELL * 0.6)
    d.line((10, 100), (340, 100))
    for step in range(8):
        d.line((10 + 47 * step, 94), (10 + 47 * step, 106))
    d.line((128, 82), (105, 96), arrow=True).text(132, 84, "w goes to the nearest step", kind="note")
    return d.text(10, 124, "o = least", kind="note").text(340, 124, "ŵ = o + s·q, |w − ŵ| ≤ s/2", "end")


FORMS: dict[str, Callable[[], Drawing]] = {
    form.__name__.removesuffix("_form"): form
    for form in (
        full_form,
        fewer_dimensions_form,
        hashing_form,
        qr_form,
        tt_rec_form,
        dhe_form,
        memcom_form,
        mixed_dimension_form,
        magprune_form,
        pep_form,
        deeplight_form,
        dsl_form,
        cerp_form,
        optembed_form,
        columns_of_fields_form,
        quantised_form,
    )
}
