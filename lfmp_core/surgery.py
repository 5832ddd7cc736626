"""Plan, then cut: turn a choice of fields into a smaller real model.

A mask is learnt, a plan is a list of positions that can be printed and stored, a cut is the copy of the
kept weights. The plan is derived from what each layer says of its own axes (`field_axes`), so that every
backbone, the table and the optimiser's state are cut by the same few lines.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from .axes import kept_ranges, range_index
from .bounds import whole_numbers
from .embeddings.quantised import QuantisedTable
from .errors import LfmpError
from .models import Backbone
from .models.parts import unlike
from .settings import Settings

Ranges = tuple[tuple[int, int], ...]


class CutPlan(Settings):
    """What stays: fields, and for each weight that loses something the kept ranges of each of its axes.

    Attributes:
        fields: kept fields, as positions among the fields of the model that the plan was made for, ascending.
        num_fields: m of that model.
        cuts: parameter → axis → ranges [start, stop) kept.
        shapes: parameter → shape before; what the plan fits.

    Example:
        >>> from lfmp_core import CutPlan, DeepFM, cut, plan_fields
        >>> model = DeepFM([10, 20, 30], embedding_dim=4)
        >>> stored = plan_fields(model, [0, 2]).model_dump_json()
        >>> cut(model, CutPlan.model_validate_json(stored)).field_sizes
        (10, 30)
    """

    fields: tuple[int, ...]
    num_fields: int
    cuts: dict[str, dict[int, Ranges]]
    shapes: dict[str, tuple[int, ...]]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a parameter after the cut."""
        kept = self.cuts.get(name, {})
        return tuple(
            sum(b - a for a, b in kept[axis]) if axis in kept else size
            for axis, size in enumerate(self.shapes[name])
        )

    def take(self, name: str, value: Tensor) -> Tensor:
        """The kept part of a tensor that has the shape of parameter `name` before the cut."""
        for axis, ranges in self.cuts.get(name, {}).items():
            value = value.index_select(axis, range_index(ranges).to(value.device))
        return value.clone()

    def __str__(self) -> str:
        before = {name: math.prod(shape) for name, shape in self.shapes.items()}
        after = {name: math.prod(self.shape(name)) for name in self.shapes}
        lines = [f"keep {len(self.fields)} of {self.num_fields} fields: {', '.join(map(str, self.fields))}"]
        lines += [
            f"  {name:<22} {' × '.join(map(str, self.shapes[name])):>18} → "
            f"{' × '.join(map(str, self.shape(name))):<18} {after[name] / before[name]:6.1%}"
            for name in self.cuts
        ]
        total, left = sum(before.values()), sum(after.values())
        lines.append(f"  {'all parameters':<22} {total:>18,} → {left:<18,} {left / total:6.1%}")
        return "\n".join(lines)


def plan_fields(model: Backbone, fields: Iterable[int]) -> CutPlan:
    """The plan that keeps `fields` (positions among the model's own fields).

    Raises:
        ValueError: no field, a field twice, or one that the model does not have.
        LfmpError: what is no position, no backbone, or has a part that is `uncuttable`, and why.

    Example:
        >>> from lfmp_core import DeepFM, plan_fields
        >>> print(plan_fields(DeepFM([10, 20, 30], embedding_dim=4, hidden=(8,)), [0, 2]))
        keep 2 of 3 fields: 0, 2
          table.weight                       60 × 4 → 40 × 4              66.7%
          linear.weight                      60 × 1 → 40 × 1              66.7%
          deep.linears.0.weight              8 × 12 → 8 × 8               66.7%
          all parameters                        414 → 282                 68.1%
    """
    if not isinstance(model, Backbone):
        raise LfmpError(f"fields are cut from a backbone, not from a {type(model).__name__}")
    kept = sorted(whole_numbers("fields", fields))
    if not kept or len(set(kept)) < len(kept) or kept[0] < 0 or kept[-1] >= model.num_fields:
        raise ValueError(f"fields to keep must be distinct positions in 0..{model.num_fields - 1}: {fields}")
    cuts: dict[str, dict[int, Ranges]] = {}
    for path, module in model.named_modules():
        if why := getattr(module, "uncuttable", ""):
            raise LfmpError(f"no field can be cut where the {path} is a {type(module).__name__}: {why}")
        for name, axes in getattr(module, "field_axes", {}).items():
            cuts[f"{path}.{name}".lstrip(".")] = {
                axis: tuple(kept_ranges(runs, kept)) for axis, runs in axes.items()
            }
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return CutPlan(fields=tuple(kept), num_fields=model.num_fields, cuts=cuts, shapes=shapes)


@torch.no_grad()
def cut(
    model: Backbone,
    plan: CutPlan | Iterable[int],
    gate: Tensor | None = None,
    *,
    gate_linear: bool = False,
) -> Backbone:
    """A smaller model of the same class with the kept weights of `model`, which stays as it is.

    Args:
        model: the model that the plan was made for, or one of the same shapes.
        plan: see `plan_fields`, or the fields to keep.
        gate: z [m] to fold into the field vectors, so that the cut model needs no mask; None folds nothing.
        gate_linear: fold it into the first-order weights too.

    Raises:
        ValueError: the plan does not fit the model.
        LfmpError: the model has parts that its class does not make; see `plan_fields` too.

    Example:
        >>> import torch
        >>> from lfmp_core import DeepFM, cut
        >>> model = DeepFM([1000, 2000, 3000], embedding_dim=16, seed=0)
        >>> small = cut(model, [0, 2])
        >>> small.table.num_parameters()
        64000
        >>> rows = torch.tensor([[1, 1500, 4000]])  # a cut model still reads the whole rows
        >>> bool(torch.allclose(small(rows), model(rows, gate=torch.tensor([1.0, 0, 1]), gate_linear=True)))
        True
    """
    if not isinstance(plan, CutPlan):
        plan = plan_fields(model, plan)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    if shapes != plan.shapes:
        wrong = sorted(set(shapes.items()) ^ set(plan.shapes.items()))
        raise ValueError(f"this plan was made for another model: {wrong[:4]}")
    sizes = [model.field_sizes[f] for f in plan.fields]
    scalars = [i for i, f in enumerate(plan.fields) if f in model.scalar_fields]
    small = type(model)(model.settings, sizes, scalars, generator=torch.Generator())
    for place, part in model.named_children():
        if isinstance(part, QuantisedTable):
            setattr(small, place, part.emptied(sizes))
    if other := unlike(model, small):
        raise LfmpError(f"a fresh {type(model).__name__} has other parts than this one: {', '.join(other)}")
    small.to(model.bias.dtype)
    parameters = dict(model.named_parameters())
    for name, parameter in small.named_parameters():
        parameter.copy_(plan.take(name, parameters[name]))
    small.copy_statistics(model)
    small.restrict(plan.fields, model.field_sizes, model.scalar_fields, model)
    if gate is not None:
        kept = gate[list(plan.fields)]
        small.table.scale_fields(kept)
        if gate_linear and small.linear is not None:
            small.linear.scale_fields(kept)
    for ours, theirs in zip(small.modules(), model.modules(), strict=True):
        ours.training = theirs.training
    return small.to(next(model.parameters()).device)


def cut_optimizer_state(state: dict[str, dict[str, Tensor]], plan: CutPlan) -> dict[str, dict[str, Tensor]]:
    """Optimiser state by parameter name (moments, steps), cut like the parameters themselves."""
    return {
        name: {
            key: plan.take(name, value) if tuple(value.shape) == plan.shapes[name] else value.clone()
            for key, value in slots.items()
        }
        for name, slots in state.items()
        if name in plan.shapes
    }
