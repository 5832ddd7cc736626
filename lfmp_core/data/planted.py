"""Planted data: rows in Criteo's format of which it is known what they depend on.

logit(click) = b + s * ( sqrt(1-q) sum_f w_f[v_f] + sqrt(q) sum_(f,g,..) h_f[v_f] h_g[v_g] .. ), both sums
scaled to variance 1, over informative fields f and tuples of them; s is `signal`, q is
`interaction_share`. A redundant field is a noisy function of one informative field, a noise field depends on
nothing. Values follow a bounded Zipf law.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field as Setting
from pydantic import model_validator

from ..settings import Settings
from .sources import CRITEO_CATEGORIES, CRITEO_INTEGERS

NAMES = (*CRITEO_INTEGERS, *CRITEO_CATEGORIES)
# ids a field of the full Criteo set at threshold 10, as AdaFS and AutoField print them
CRITEO_SIZES = (
    49,
    101,
    126,
    45,
    223,
    118,
    84,
    76,
    95,
    9,
    30,
    40,
    75,
    1458,
    555,
    193949,
    138801,
    306,
    19,
    11970,
    634,
    4,
    42646,
    5178,
    192773,
    3175,
    27,
    11422,
    181075,
    11,
    4654,
    2032,
    5,
    189657,
    18,
    16,
    59697,
    86,
    45571,
)
_BLOCK = 1 << 15
_SAMPLE = 1 << 16


class PlantedSettings(Settings):
    """What to generate. The fields that are neither informative nor redundant are noise."""

    rows: int = Setting(default=20_000, ge=1)
    informative: int = Setting(default=10, ge=1, le=39, description="fields that the click depends on")
    redundant: int = Setting(
        default=6, ge=0, le=38, description="fields that are noisy functions of an informative one"
    )
    order: int = Setting(default=2, ge=1, le=4, description="fields per interaction; 1: linear effects only")
    interactions: int = Setting(
        default=5, ge=1, description="number of interacting tuples (fewer where fields lack)"
    )
    interaction_share: float = Setting(default=0.3, ge=0, le=1, description="share of the logit's variance")
    signal: float = Setting(default=1.8, ge=0, description="standard deviation of the logit")
    click_rate: float = Setting(default=0.25, gt=0, lt=1)
    zipf: float = Setting(default=1.1, gt=0, description="exponent of the values' frequencies")
    scale: float = Setting(
        default=0.02, gt=0, le=1, description="field sizes relative to Criteo's (small ones stay)"
    )
    missing: float = Setting(
        default=0.2, ge=0, lt=1, description="mean share of missing values in fields that miss any"
    )
    redundancy_noise: float = Setting(
        default=0.1, ge=0, le=1, description="share of a redundant field's rows drawn at random"
    )
    seed: int = Setting(default=0, ge=0)

    @model_validator(mode="after")
    def _fields_suffice(self) -> "PlantedSettings":
        if self.informative + self.redundant > len(NAMES):
            raise ValueError(
                f"{self.informative} informative and {self.redundant} redundant exceed 39 fields"
            )
        return self


@dataclass(frozen=True)
class Plan:
    """The law that rows follow; everything random in it comes from the seed.

    Field numbers are positions in NAMES. cumulative[f]: float64 [sizes[f]]; missing: [39]; linear[f] and
    latent[t][f]: effect of each value, its last entry that of a missing one (0); redundant[f]: (source, map).
    """

    settings: PlantedSettings
    sizes: np.ndarray
    cumulative: list[np.ndarray]
    missing: np.ndarray
    informative: tuple[int, ...]
    redundant: dict[int, tuple[int, np.ndarray]]
    linear: dict[int, np.ndarray]
    latent: list[dict[int, np.ndarray]]

    def draw(self, rows: int, generator: np.random.Generator) -> list[np.ndarray]:
        """Values of each field: 39 arrays int64 [rows]; sizes[f] stands for a missing value."""
        values = []
        for f, cumulative in enumerate(self.cumulative):
            v = np.searchsorted(cumulative, generator.random(rows), side="right")
            if self.missing[f]:
                v[generator.random(rows, dtype=np.float32) < self.missing[f]] = self.sizes[f]
            values.append(v)
        for f, (source, mapped) in self.redundant.items():
            kept = generator.random(rows, dtype=np.float32) >= self.settings.redundancy_noise
            values[f] = np.where(kept, mapped[values[source]], values[f])
        return values

    def parts(self, values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Linear and interaction sums [rows], not yet scaled."""
        linear = sum(self.linear[f][values[f]] for f in self.informative)
        joint = np.zeros(len(linear))
        for effects in self.latent:
            joint += np.prod([h[values[f]] for f, h in effects.items()], axis=0)
        return linear, joint


def make_plan(settings: PlantedSettings) -> Plan:
    """Draw the law from the settings' seed."""
    generator = np.random.default_rng([settings.seed, 0xF1E1D])
    full = np.array(CRITEO_SIZES)
    sizes = np.maximum(np.minimum(full, 10), np.rint(full * settings.scale).astype(np.int64))
    weights = [np.arange(1, n + 1, dtype=np.float64) ** -settings.zipf for n in sizes]
    cumulative = [np.cumsum(w) / w.sum() for w in weights]
    for c in cumulative:
        c[-1] = 1.0
    missing = np.where(generator.random(39) < 1 / 3, generator.uniform(0, 2 * settings.missing, 39), 0.0)
    informative, redundant = _roles(settings, sizes, generator)
    linear = {f: _effects(f, int(sizes[f]), weights[f], generator) for f in informative}
    pairs = _tuples(informative, settings, generator)
    latent = [{f: _effects(99, int(sizes[f]), weights[f], generator) for f in pair} for pair in pairs]
    sources = {}
    for number, f in enumerate(redundant):
        source = informative[number % len(informative)]
        # source values in order of frequency fold onto this field's: as much of the source as it can hold
        folded = np.arange(sizes[source]) % sizes[f]
        sources[f] = (source, np.append(generator.permutation(sizes[f])[folded], sizes[f]))
    return Plan(settings, sizes, cumulative, missing, informative, sources, linear, latent)


def _roles(settings, sizes, generator) -> tuple[tuple[int, ...], list[int]]:
    """Informative fields of all sizes but the largest (too rare values to learn from); the rest at random."""
    order = np.argsort(sizes, kind="stable")
    able = order[sizes[order] <= 1000]
    if len(able) < settings.informative:
        able = order
    chosen = [int(generator.choice(part)) for part in np.array_split(able, settings.informative)]
    rest = generator.permutation([f for f in range(39) if f not in chosen])
    # a redundant field must have room for its source's values
    roomy = sorted(rest[sizes[rest] >= 10].tolist(), key=rest.tolist().index)
    cramped = [f for f in rest.tolist() if f not in roomy]
    return tuple(sorted(chosen)), (roomy + cramped)[: settings.redundant]


def _effects(field: int, size: int, weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Effect of each value, mean 0 and variance 1 under the frequencies; integers rise or fall."""
    effects = generator.standard_normal(size)
    if field < len(CRITEO_INTEGERS):
        rise = np.log1p(integer_values(size).astype(np.float64))
        effects = generator.choice([-1.0, 1.0]) * (rise - rise.mean()) / (rise.std() + 1e-9) + 0.2 * effects
    p = weights / weights.sum()
    effects = effects - p @ effects
    return np.append(effects / np.sqrt(p @ effects**2 + 1e-12), 0.0)


def _tuples(informative, settings, generator) -> list[tuple[int, ...]]:
    """Distinct tuples of `order` informative fields; each field comes up before any comes up again."""
    if settings.order < 2 or len(informative) < settings.order or settings.interaction_share == 0:
        return []
    found: set[tuple[int, ...]] = set()
    pool: list[int] = []
    for _ in range(50 * settings.interactions):
        if len(found) == settings.interactions:
            break
        if len(pool) < settings.order:
            pool = generator.permutation(informative).tolist()
        found.add(tuple(sorted(pool[: settings.order])))
        pool = pool[settings.order :]
    return sorted(found)


def integer_values(size: int) -> np.ndarray:
    """Integers for values 0..size-1 that stay distinct under ln_squared: 0, 1, 2, then ceil(exp(sqrt k))."""
    k = np.arange(size)
    return np.where(k <= 2, k, np.ceil(np.exp(np.sqrt(k)))).astype(np.int64)


def _scale(plan: Plan) -> tuple[float, float, float, float]:
    """Factors of the two sums, the intercept, and the AUC of the true logit, from a sample of its own."""
    settings = plan.settings
    generator = np.random.default_rng([settings.seed, 0x5CA1E])
    linear, joint = plan.parts(plan.draw(_SAMPLE, generator))
    share = settings.interaction_share if plan.latent else 0.0
    a = settings.signal * np.sqrt(1 - share) / max(float(np.std(linear)), 1e-9)
    b = settings.signal * np.sqrt(share) / max(float(np.std(joint)), 1e-9) if share else 0.0
    logit = a * linear + b * joint
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(logit + middle).mean() < settings.click_rate else (low, middle)
    p = np.sort(_sigmoid(logit + low))
    below = np.concatenate([[0.0], np.cumsum(1 - p)[:-1]])
    auc = float((p * below).sum() / (p.sum() * (1 - p).sum()))
    return float(a), float(b), low, auc


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def blocks(plan: Plan) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """(labels uint8 [k], values) of all rows; block i has a generator of its own, keyed by (seed, i)."""
    a, b, intercept, _ = _scale(plan)
    for number, start in enumerate(range(0, plan.settings.rows, _BLOCK)):
        generator = np.random.default_rng([plan.settings.seed, 1, number])
        values = plan.draw(min(_BLOCK, plan.settings.rows - start), generator)
        linear, joint = plan.parts(values)
        clicks = generator.random(len(linear)) < _sigmoid(a * linear + b * joint + intercept)
        yield clicks.astype(np.uint8), values


def truth_by_name(plan: Plan) -> dict[str, Any]:
    """What was planted, by field name."""
    redundant = {NAMES[f]: NAMES[source] for f, (source, _) in plan.redundant.items()}
    informative = [NAMES[f] for f in plan.informative]
    return {
        "informative": informative,
        "redundant": redundant,
        "noise": [name for name in NAMES if name not in informative and name not in redundant],
        "interactions": [[NAMES[f] for f in effects] for effects in plan.latent],
        "order": plan.settings.order if plan.latent else 1,
        "sizes": dict(zip(NAMES, plan.sizes.tolist(), strict=True)),
        "oracle_auc": round(_scale(plan)[3], 6),
        "settings": plan.settings.model_dump(mode="json"),
    }
