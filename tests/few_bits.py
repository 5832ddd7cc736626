"""Tables of every form that can be rounded to few bits."""

from itertools import product

import torch
from test_compression_laws import LEARNING, SERVED, N

WAYS = list(product((2, 4, 8), ("field", "row")))
TRAINED_ONLY = ("thresholded", "masked", "candidates")
FORMS = {name: make for name, make in (LEARNING | SERVED).items() if name not in TRAINED_ONLY}


def form(name):
    """A trained table of that form, in evaluation mode."""
    table = FORMS[name]()
    if name == "tt_cached":
        table.populate(torch.arange(N))
    return table.eval()
