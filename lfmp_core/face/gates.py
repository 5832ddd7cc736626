"""Gates for a training loop of one's own."""

from typing import Any

import torch

from .. import masking


def HardConcrete(
    num_fields: int, *, seed: int | torch.Generator = 0, **settings: Any
) -> masking.HardConcrete:
    """One gate a field to be learnt beside the weights; see `masking.HardConcrete`.

    In each step `sample()` is the model's `gate`, the loss has a term that closes gates (`open_probability`),
    and `clamp()` follows the optimiser's step. Afterwards `kept_fields` says what to keep.

    Args:
        num_fields: m of the model.
        seed: of the start and of the noise, or a generator.
        settings: of `MaskSettings`: mean, std, temperature …

    Example:
        >>> import torch
        >>> from lfmp_core import DeepFM, HardConcrete, cut
        >>> model, gates = DeepFM([10, 20, 30], embedding_dim=4), HardConcrete(3, seed=0)
        >>> adam = torch.optim.Adam([*model.parameters(), *gates.parameters()], 0.01)
        >>> ids, clicks = torch.tensor([[1, 11, 31], [2, 12, 32]]), torch.tensor([1.0, 0.0])
        >>> for step in range(3):
        ...     logits = model(ids, gate=gates.sample())
        ...     loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, clicks)
        ...     (loss + 0.1 * gates.open_probability().mean()).backward()
        ...     adam.step(), adam.zero_grad(), gates.clamp()
        (None, None, None)
        (None, None, None)
        (None, None, None)
        >>> fields = gates.kept_fields(prune_ratio=0.5)
        >>> small = cut(model, fields, gate=gates.deterministic())
        >>> len(fields), small.num_fields
        (2, 2)
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    return masking.HardConcrete(num_fields, masking.MaskSettings(**settings), generator)
