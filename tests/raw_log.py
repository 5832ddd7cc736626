"""A log of one's own with every kind of column, for what reads raw rows."""

import numpy as np
import pandas as pd


def log(rows=400):
    """Rows of every kind of column, with gaps, in the types that pandas gives them."""
    rng = np.random.default_rng(0)
    gap = rng.random(rows) < 0.2
    user = rng.integers(1, 60, rows)
    tags = [["x", "y"], ["y"], [], ["z", "x", "y"]]
    return pd.DataFrame(
        {
            "clicked": rng.random(rows) < 0.4,
            "user_id": pd.Series(user).where(~gap),  # 17.0 and NaN
            "city": pd.Series(rng.choice(["Rome ", "Oslo", "Köln", "NA"], rows)).where(~np.roll(gap, 1)),
            "paid": rng.random(rows) < 0.5,
            "views": (rng.lognormal(4, 2, rows)).astype(int),
            "price": pd.Series(rng.normal(3, 9, rows).round(3)).where(~np.roll(gap, 2)),
            "day": pd.date_range("2024-01-01", periods=7).to_numpy()[rng.integers(0, 7, rows)],
            "tags": [tags[k] for k in rng.integers(0, 4, rows)],
        }
    )


def as_csv(rows):
    """The same, its lists as texts."""
    return rows.assign(tags=rows.tags.map("|".join))
