"""Every method of the library, a page each, in the order of the list."""

from ..lers.grids import ORIGINAL
from . import fields, forms
from .entries_of_fields import OF_FIELDS
from .entries_of_tables import OF_TABLES
from .entry import TABLE2, TABLE5, Entry

ENTRIES: dict[str, Entry] = {
    **OF_FIELDS,
    **OF_TABLES,
    "whole": Entry(
        "The whole model",
        "control",
        forms.full_form,
        r"e_i = E[i] \in \mathbb R^D",
        "Nothing is removed. What every loss in this book is a loss against.",
        methods=("no_selection",),
        tables=("full",),
        pages=(TABLE5, TABLE2),
    ),
    "random_fields": Entry(
        "Random fields",
        "control",
        fields.at_random,
        r"K \subset \{1, \dots, m\},\quad |K| = m - \lfloor \tau m \rfloor,\quad \text{drawn uniformly}",
        "What a selector has to beat to have selected anything.",
        methods=("random_fields",),
        arms=("random fields",),
        pages=(TABLE2, "planted_recovery"),
    ),
    "recommenders": Entry(
        "Popularity and iALS",
        "control",
        fields.factors,
        r"\min_{x, y} \sum_{ui} w_{ui}(t_{ui} - x_u \cdot y_i)^2"
        r" + \lambda\big(\textstyle\sum_u |x_u|^2 + \sum_i |y_i|^2\big)",
        "What a recommender has to beat: the same items for everybody, and plain factors solved for "
        "without a network.",
        methods=("popularity", "ials"),
        cites=("hu2008implicit",),
        pages=("lers_table6_cf",),
    ),
}

OF_NO_METHOD = (ORIGINAL, "all fields")  # whole models under the names of their tables
