"""The hard-concrete gates and the constraint, against numbers worked out by hand and by simulation."""

import math

import numpy as np
import pytest
import torch

from lfmp_core.masking import LITERAL, HardConcrete, MaskSettings, SparsityConstraint, num_kept
from lfmp_core.methods.light_fmp import GatedObjective

SHIFT = 0.83 * math.log(11)  # −β log(−γ/ζ) = 1.990: P(z > 0) = σ(log α + SHIFT)
SIMPLE = MaskSettings(temperature=1.0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gates_at(a, **settings):
    """Gates with a given a."""
    gates = HardConcrete(len(a), MaskSettings(**settings), seeded())
    gates.a.data = torch.tensor(a, dtype=gates.a.dtype)
    return gates


def fixed_noise(monkeypatch, u):
    monkeypatch.setattr(torch, "rand", lambda *args, **options: torch.tensor(u))


@pytest.mark.parametrize(
    ("u", "log_alpha", "temperature", "z"),
    [
        (0.5, 0.0, 1.0, 0.5),  # s = ½: 0.6 − 0.1
        (0.5, 0.0, 0.83, 0.5),  # the middle is the middle at every temperature
        (0.75, 0.0, 1.0, 0.8),  # logit u = log 3, s = ¾: 0.9 − 0.1
        (0.5, math.log(3), 1.0, 0.8),  # log α shifts as the noise does
        (0.75, math.log(3), 2.0, 0.8),  # (log 3 + log 3)/2
        (0.75, -math.log(3), 0.5, 0.5),
        (0.95, 0.0, 1.0, 1.0),  # s = 0.95: 1.14 − 0.1 = 1.04, clipped
        (0.05, 0.0, 1.0, 0.0),  # −0.04, clipped
        (1.0, 0.0, 1.0, 1.0),  # u = 1 and u = 0 stay finite
        (0.0, 0.0, 1.0, 0.0),
    ],
)
def test_sample_by_hand(monkeypatch, u, log_alpha, temperature, z):
    fixed_noise(monkeypatch, [u])
    gates = gates_at([log_alpha], temperature=temperature)
    assert gates.sample().tolist() == pytest.approx([z], abs=1e-6)
    literal = gates_at([math.exp(log_alpha)], temperature=temperature, parametrisation="alpha")
    assert literal.sample().tolist() == pytest.approx([z], abs=1e-6)


def test_gradient_of_a_sample_by_hand(monkeypatch):
    """dz/da = 1.2 s(1 − s)/β where 0 < z < 1, and 0 where z is clipped; dz/dα has 1/α more."""
    fixed_noise(monkeypatch, [0.75, 0.05])
    gates = gates_at([0.0, 0.0], temperature=0.5)
    gates.sample().sum().backward()
    s = 9 / 10  # σ(2 log 3)
    assert gates.a.grad.tolist() == pytest.approx([1.2 * s * (1 - s) / 0.5, 0])
    fixed_noise(monkeypatch, [0.5])
    literal = gates_at([3.0], temperature=1.0, parametrisation="alpha")
    literal.sample().sum().backward()
    assert literal.a.grad.tolist() == pytest.approx([1.2 * 3 / 16 / 3])


def test_deterministic_gate_by_hand():
    """u = ½: σ(a/β)·1.2 − 0.1, no noise, the generator untouched."""
    gates = gates_at([0.0, 0.83 * math.log(3), -0.83 * math.log(3), 3.0, -3.0])
    before = gates.generator.get_state()
    assert gates.deterministic().tolist() == pytest.approx([0.5, 0.8, 0.2, 1, 0], abs=1e-6)
    assert torch.equal(gates.generator.get_state(), before)
    assert not torch.equal(gates.sample(), gates.sample())


def test_noise_comes_from_the_generator():
    draws = [HardConcrete(20, MaskSettings(), seeded(s)).sample() for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("temperature", [0.83, 2 / 3, 1.5])
def test_open_probability_is_that_of_the_samples(temperature):
    """P(z > 0), and P(z < 1), which by symmetry is P(z > 0) at −log α: against 200,000 draws each."""
    log_alpha = [-2.5, -1.0, 0.0, 0.5, 2.0]
    count = 200_000
    law = gates_at(log_alpha, temperature=temperature).open_probability()
    wide = gates_at(np.repeat(log_alpha, count), temperature=temperature)
    z = wide.sample().view(len(log_alpha), count)
    deviation = 5 * 0.5 / count**0.5
    assert (z > 0).float().mean(1).tolist() == pytest.approx(law.tolist(), abs=deviation)
    mirrored = gates_at([-a for a in log_alpha], temperature=temperature).open_probability()
    assert (z < 1).float().mean(1).tolist() == pytest.approx(mirrored.tolist(), abs=deviation)


def test_open_probability_by_hand():
    """At log α = −1.990 it is one half, and (1 + 11^−0.83)⁻¹ = .880 at log α = 0."""
    gates = gates_at([-SHIFT, 0.0])
    assert gates.open_probability().tolist() == pytest.approx([0.5, 0.8797], abs=1e-4)


@pytest.mark.parametrize(
    ("parametrisation", "std", "expected"),
    [
        # at the mean: σ(−1.990 − 0.5), σ(0.5 − 1.990); read as α, log 0.5 = −0.693 takes the place of 0.5
        ("log_alpha", 0.0, (0.0765, 0.1839, 0.6017)),
        ("alpha", 0.0, (0.2147, 0.0640, 0.3606)),
        # over the whole start N(0.5, 0.25²), by quadrature
        ("log_alpha", 0.25, (0.0784, 0.1868, 0.6007)),
        ("alpha", 0.25, (0.2647, 0.0633, 0.3396)),
    ],
)
def test_where_the_two_readings_start(parametrisation, std, expected):
    """P(z = 0), P(z = 1), E[z]: with the paper's start read as log α most gates are ajar; as α, shut."""
    settings = MaskSettings(parametrisation=parametrisation, std=std)
    z = HardConcrete(400_000, settings, seeded()).sample()
    found = [x.float().mean().item() for x in (z == 0, z == 1, z)]
    assert found == pytest.approx(expected, abs=0.002)  # three deviations of a share of 400,000


def test_start_is_the_papers():
    a = HardConcrete(100_000, MaskSettings(), seeded()).a
    assert (a.mean().item(), a.std().item()) == pytest.approx((0.5, 0.25), abs=0.005)
    # P(α ≤ 0) = Φ(−2) = .0228 of the fields have no logarithm: the literal reading holds them at 0.01
    alpha = HardConcrete(100_000, LITERAL, seeded()).a
    assert (alpha == 0.01).float().mean().item() == pytest.approx(0.0250, abs=0.003)  # Φ(−1.96)
    assert alpha.min() > 0


@pytest.mark.parametrize(
    ("m", "ratio", "kept"),
    [
        (39, 0.5, 20),  # 39 − ⌊19.5⌋
        (39, 0.25, 30),
        (39, 0.75, 10),
        (39, 0.0, 39),
        (39, 0.99, 1),
        (1, 0.99, 1),
        (100, 0.29, 71),  # 0.29·100 is 28.999999999999996
        (100, 0.57, 43),  # 56.99999999999999
        (100, 0.07, 93),  # 7.000000000000001
        (10, 0.7, 3),
        (10, 0.1 + 0.2, 7),  # 0.30000000000000004
        (3, 1 / 3, 2),
        (100, 0.2899, 72),  # a shortfall that is no rounding stays one
    ],
)
def test_num_kept(m, ratio, kept):
    assert num_kept(m, ratio) == kept


@pytest.mark.parametrize("ratio", [1.0, -0.01, 1.5, math.nan])
def test_num_kept_refuses(ratio):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        num_kept(39, ratio)


def test_kept_fields_are_the_largest_and_ties_keep_the_lower_index():
    gates = gates_at([0.1, 0.7, -3.0, 0.7, 0.9])
    assert gates.kept_fields(0) == (0, 1, 2, 3, 4)
    assert gates.kept_fields(0.2) == (0, 1, 3, 4)
    assert gates.kept_fields(0.6) == (1, 4)
    assert gates.kept_fields(0.8) == (4,)
    assert gates_at([0.5] * 39).kept_fields(0.5) == tuple(range(20))
    assert gates_at([0.2, 0.9, 0.9], parametrisation="alpha").kept_fields(0.5) == (1, 2)


def constraint_of(gates, tau, lam, phi, steps=0):
    constraint = SparsityConstraint(tau, gates.settings, steps)
    constraint.multipliers.data = torch.tensor([lam, phi])
    return constraint


def test_expected_constraint_by_hand():
    """Gates open with probabilities ½, ½, 0.8797: expected closed share 0.3734, gap −0.1266 to τ = .5.

    2·gap + 3·gap² = −0.2051; its slopes are gap and gap² in λ and φ, and −(2 + 6·gap)·p(1 − p)/3 in a.
    """
    gates = gates_at([-SHIFT, -SHIFT, 0.0])
    constraint = constraint_of(gates, 0.5, 2.0, 3.0)
    loss = constraint(gates, torch.full((3,), math.nan), step=0)  # the sample is not looked at
    p = [0.5, 0.5, 1 / (1 + 11**-0.83)]
    gap = 1 - sum(p) / 3 - 0.5
    assert gap == pytest.approx(-0.1266, abs=1e-4)
    assert loss.item() == pytest.approx(2 * gap + 3 * gap**2)
    loss.backward()
    assert constraint.multipliers.grad.tolist() == pytest.approx([gap, gap**2])
    slope = [-(2 + 6 * gap) * x * (1 - x) / 3 for x in p]
    assert gates.a.grad.tolist() == pytest.approx(slope, rel=1e-4)


def test_printed_constraint_by_hand():
    """Eq. 4: mean(z) − τ, of the sample: (0.2 + 1 + 0)/3 − 0.25 = 0.15; 2·0.15 + 4·0.0225 = 0.39."""
    gates = gates_at([0.0, 0.0, 0.0], constraint="as_printed")
    z = torch.tensor([0.2, 1.0, 0.0], requires_grad=True)
    loss = constraint_of(gates, 0.25, 2.0, 4.0)(gates, z, step=0)
    assert loss.item() == pytest.approx(0.39)
    loss.backward()
    assert z.grad.tolist() == pytest.approx([(2 + 8 * 0.15) / 3] * 3)
    assert gates.a.grad is None


def test_warm_up_target():
    constraint = SparsityConstraint(0.6, MaskSettings(), warm_up_steps=4)
    targets = [constraint.target(step) for step in (0, 1, 2, 4, 5, 900)]
    assert targets == pytest.approx([0, 0.15, 0.3, 0.6, 0.6, 0.6])
    assert SparsityConstraint(0.6, MaskSettings(), warm_up_steps=0).target(0) == 0.6
    gates = gates_at([0.0])
    early, late = (constraint_of(gates, 0.6, 1.0, 0.0, steps=4)(gates, gates.sample(), s) for s in (0, 4))
    assert (early - late).item() == pytest.approx(0.6)


def drive(tau, steps, start=None, **settings):
    """The constraint alone, without data, under Adam as a method sets it up; the gates and it."""
    settings = MaskSettings(**settings)
    gates = HardConcrete(39, settings, seeded(5))
    if start is not None:
        gates.a.data.fill_(start)
    constraint = SparsityConstraint(tau, settings, round(settings.warm_up * steps))
    objective = GatedObjective(gates, constraint)
    optimizer = torch.optim.Adam(objective.groups(1e-3), 1e-3, fused=True)
    for step in range(steps):
        constraint(gates, gates.sample(), step).backward()
        optimizer.step()
        optimizer.zero_grad()
        objective.after_step(step)
    return gates, constraint


@pytest.mark.parametrize("tau", [0.25, 0.5, 0.75])
def test_constraint_alone_reaches_tau(tau):
    gates, _ = drive(tau, 1500)
    assert 1 - gates.open_probability().mean().item() == pytest.approx(tau, abs=0.02)


def test_multipliers_climb():
    """At log α = 0 a share of .12 is closed: too few for τ = .5, so λ falls; too many for 0, so it rises.

    φ climbs either way. One step of Adam is the learning rate, whatever the gradient.
    """
    for tau, sign in ((0.5, -1), (0.0, 1)):
        _, constraint = drive(tau, 1, start=0.0, warm_up=0)
        assert constraint.multipliers.tolist() == pytest.approx([sign * 0.05, 0.05], rel=1e-3)


def test_fixed_multipliers_never_move():
    gates, constraint = drive(0.5, 20, multipliers="fixed", start=0.0)
    assert constraint.multipliers.tolist() == [0, 0]
    # with λ = φ = 0 there is no constraint: Algorithm 1 as printed leaves the gates to the log-loss alone
    assert gates.a.tolist() == [0] * 39


def test_printed_constraint_agrees_at_one_half_and_swaps_the_quarters():
    """Eq. 4 drives the mean gate, a share *kept*, to τ; the other the share of closed gates.

    So both prune half at τ = ½, while at a quarter Eq. 4 prunes three quarters and the other way round.
    """
    for tau in (0.25, 0.5, 0.75):
        printed, _ = drive(tau, 1000, constraint="as_printed")
        kept = torch.stack([printed.sample() for _ in range(200)]).mean().item()
        assert kept == pytest.approx(tau, abs=0.03)
        expected, _ = drive(tau, 1000)
        kept = torch.stack([expected.sample() > 0 for _ in range(200)]).float().mean().item()
        assert kept == pytest.approx(1 - tau, abs=0.03)


def test_clamp_keeps_a_where_it_can_come_back():
    gates = gates_at([-9.0, 9.0, 1.0])
    gates.clamp()
    assert gates.a.tolist() == pytest.approx([-math.log(100), math.log(100), 1.0])
    literal = gates_at([-9.0, 9.0, 0.001], parametrisation="alpha")
    literal.clamp()
    assert literal.a.tolist() == pytest.approx([0.01, 9.0, 0.01])
    assert literal.log_alpha().isfinite().all()
    # a start outside is clamped too
    assert HardConcrete(50, MaskSettings(mean=20), seeded()).a.max().item() == pytest.approx(math.log(100))


def test_fixed_multipliers_stay_at_the_start_that_they_are_given():
    """λ = 2, φ = 3, mean(z) = .5 against τ = .25: 2 · .25 + 3 · .0625; of the start 0 nothing is left."""
    gates, z = gates_at([0.0]), torch.tensor([0.4, 0.6])
    for start, worth in (((2.0, 3.0), 0.6875), ((0.0, 0.0), 0.0)):
        settings = LITERAL.model_copy(update={"start": start})
        constraint = SparsityConstraint(0.25, settings, 0)
        assert constraint(gates, z, 1).item() == pytest.approx(worth)
    assert "start" not in MaskSettings().parts()  # records from before it keep their ids
