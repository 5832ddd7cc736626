"""The compressed interaction network of xDeepFM, without a batch-sized outer product."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..axes import FieldAxis
from . import kernels

# Rows (of B·D) that each thread works on at a time: their products must stay in its cache between making
# and use.
CHUNK = 512
# Products of a row that fill the cache at so many rows; where it has fewer, a chunk has up to LONGEST times
# as many rows, since each chunk costs a dozen calls.
FULL, LONGEST = 640, 4


def rows_of_batch(dim: int, widest: int) -> int:
    """Rows of the batch in a chunk; `widest`: most products of a row in a layer."""
    longer = min(max(FULL // widest, 1), LONGEST)
    return max(1, CHUNK * longer * torch.get_num_threads() // dim)


class CIN(nn.Module):
    """X^k_h = Σ_ij W^k_hij (X^{k−1}_i ⊙ X^0_j) + b^k_h, and p^k_h = Σ_d X^k_hd.

    Neither activation nor split: every map goes to the output and onward. The products X^{k−1}_i ⊙ X^0_j
    are made a chunk at a time and made again in the backward pass, never for the whole batch. The first
    layer is symmetric in i and j, so half of its products are enough; the last one needs only the sums
    over d, which the m×H matrix X^{L−1} X^0ᵀ gives without any product per d. Both are exact. Under
    autocast to bfloat16 the products and the matrix products over them are rounded to it (8 bits); maps,
    sums and gradients of the weights stay single.

    Args:
        num_fields: m.
        sizes: H_1 … H_L, maps of each layer.
        generator: source of initial values; Xavier-uniform over the H·m inputs of a map, zero biases.

    Source: Lian et al. 2018, eq. 6–8.
    """

    def __init__(self, num_fields: int, sizes: Sequence[int], *, generator: torch.Generator):
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        self.field_axes = {}
        inputs = num_fields
        for k, size in enumerate(sizes):
            weight = torch.empty(size, inputs, num_fields)
            bound = (6 / (inputs * num_fields + size)) ** 0.5
            self.weights.append(nn.Parameter(weight.uniform_(-bound, bound, generator=generator)))
            self.biases.append(nn.Parameter(torch.zeros(size)))
            axes = {2: (FieldAxis.fields(num_fields),)}
            self.field_axes[f"weights.{k}"] = axes if k else {1: axes[2], **axes}
            inputs = size

    def forward(self, e: Tensor) -> Tensor:
        """Pooled maps [B, ΣH] of field vectors [B, m, D]."""
        if torch.compiler.is_compiling():
            return self.plain(e)
        device = e.device.type
        half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.bfloat16
        with torch.autocast(device, enabled=False):
            return _Cin.apply(e.float() if half else e, half, *self.weights, *self.biases)

    def plain(self, e: Tensor) -> Tensor:
        """The formula as it stands, with the products of the whole batch: for export, and to test against."""
        x, out = e, []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = torch.einsum("hij,bid,bjd->bhd", weight, x, e) + bias.unsqueeze(1)
            out.append(x.sum(2))
        return torch.cat(out, 1)


def _fold(weight: Tensor) -> Tensor:
    """Coefficients [H, m(m+1)/2] of the products i ≤ j, from a first layer's weights [H, m, m]."""
    i, j = torch.triu_indices(weight.shape[1], weight.shape[1], device=weight.device)
    return weight[:, i, j] + torch.where(i == j, 0, weight[:, j, i])


def _unfold(grad: Tensor, m: int) -> Tensor:
    """Gradient [H, m, m] of the weights from that of the folded coefficients."""
    i, j = torch.triu_indices(m, m, device=grad.device)
    full = grad.new_empty(len(grad), m, m)
    full[:, i, j] = grad
    full[:, j, i] = grad
    return full


def _products(k: int, below: Tensor, rows: Tensor, buffer: Tensor) -> Tensor:
    """Inputs [N, ·] of layer k < L from the maps below it [N, H] and the field vectors' rows [N, m]."""
    return kernels.outer(below, rows, buffer) if k else kernels.triangle(rows, buffer)


class _Cin(torch.autograd.Function):
    """Forward keeps each layer's maps [B·D, H]; backward makes the products again, chunk by chunk."""

    @staticmethod
    def forward(ctx, e: Tensor, half: bool, *parameters: Tensor) -> Tensor:
        count = len(parameters) // 2
        weights = [w.flatten(1) for w in parameters[:count]]
        biases = parameters[count:]
        if count > 1:
            weights[0] = _fold(parameters[0])
        (b, m, d), last = e.shape, count - 1
        x0 = e.transpose(1, 2).contiguous()
        rows = x0.view(b * d, m)
        maps = [rows, *(e.new_empty(b * d, len(bias)) for bias in biases[:-1])]
        widths = [len(bias) for bias in biases]
        out = e.new_empty(b, sum(widths))
        pooled = out.split(widths, 1)
        step = rows_of_batch(d, max(w.shape[1] for w in weights))
        thin = [w.bfloat16() if half else w for w in weights[:-1]]
        buffers = [w.new_empty(step * d, w.shape[1]) for w in thin]
        for a in range(0, b, step):
            part, n = slice(a * d, (a + step) * d), min(step, b - a) * d
            for k in range(last):
                products = _products(k, maps[k][part], rows[part], buffers[k][:n])
                if half:
                    torch.add(products @ thin[k].t(), biases[k], out=maps[k + 1][part])
                else:
                    torch.addmm(biases[k], products, weights[k].t(), out=maps[k + 1][part])
                pooled[k][a : a + step] = maps[k + 1][part].view(-1, d, widths[k]).sum(1)
            top = maps[last][part].view(n // d, d, -1)
            gram = torch.bmm(top.transpose(1, 2), x0[a : a + step]).flatten(1)
            pooled[last][a : a + step] = torch.addmm(d * biases[last], gram, weights[last].t())
        ctx.save_for_backward(*maps, *weights)
        ctx.shape, ctx.half = (b, m, d), half
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        with torch.autocast(grad.device.type, enabled=False):  # whose caller may differentiate within it
            return _gradients(ctx, grad)


def _gradients(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Of the field vectors, of `half`, of weights and biases."""
    (b, m, d), saved = ctx.shape, ctx.saved_tensors
    count = len(saved) // 2
    maps, weights, last = saved[:count], saved[count:], count - 1
    rows, x0 = maps[0], maps[0].view(b, d, m)
    widths = [len(w) for w in weights]
    grad_rows = torch.zeros_like(rows)
    grad_weights = [torch.zeros_like(w) for w in weights]
    grad_biases = [grad.new_zeros(w) for w in widths]
    grads = grad.split(widths, 1)
    grad_biases[last] += d * grads[last].sum(0)
    step = rows_of_batch(d, max(w.shape[1] for w in weights))
    thin = [w.bfloat16() if ctx.half else w for w in weights[:-1]]
    buffers = [tuple(w.new_empty(step * d, w.shape[1]) for _ in range(2)) for w in thin]
    for a in range(0, b, step):
        part, n = slice(a * d, (a + step) * d), min(step, b - a) * d
        here, top = x0[a : a + step], maps[last][part].view(n // d, d, -1)
        gram = torch.bmm(top.transpose(1, 2), here).flatten(1)
        grad_top = grads[last][a : a + step]
        grad_weights[last].addmm_(grad_top.t(), gram)
        grad_gram = (grad_top @ weights[last]).view(n // d, -1, m)
        grad_rows[part] += torch.bmm(top, grad_gram).view(n, m)
        grad_x = torch.bmm(here, grad_gram.transpose(1, 2))
        for k in range(last - 1, -1, -1):
            grad_x = (grad_x + grads[k][a : a + step].unsqueeze(1)).view(n, widths[k])
            products, grad_products = buffers[k][0][:n], buffers[k][1][:n]
            products = _products(k, maps[k][part], rows[part], products)
            grad_biases[k] += grad_x.sum(0)
            if ctx.half:
                grad_x = grad_x.bfloat16()
                grad_weights[k] += grad_x.t() @ products
            else:
                grad_weights[k].addmm_(grad_x.t(), products)
            torch.mm(grad_x, thin[k], out=grad_products)
            if k == 0:
                kernels.triangle_backward(grad_products, rows[part], grad_rows[part])
                break
            grad_x = torch.zeros_like(maps[k][part])
            kernels.outer_backward(grad_products, maps[k][part], rows[part], grad_x, grad_rows[part])
            grad_x = grad_x.view(n // d, d, -1)
        else:
            grad_rows[part] += grad_x.reshape(n, m)  # one layer: the maps below it are the rows
    if count > 1:
        grad_weights[0] = _unfold(grad_weights[0], m)
    shaped = [g.view(len(g), -1, m) for g in grad_weights]
    return grad_rows.view(b, d, m).transpose(1, 2), None, *shaped, *grad_biases
