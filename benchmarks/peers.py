"""The peers' classes and training steps, as they are installed, with two remarks.

DeepCTR-Torch asks the network for its newest version while it is imported: a stand-in for `requests` says no.
FuxiCTR's wheel holds its layers, its base model and its training step, but not its model zoo, so the two
models are joined here from those layers as the zoo joins them.
"""

import sys
import types
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .contenders import DROPOUT, Contender, Ours, Shape


class DeepCTR(Contender):
    """DeepCTR-Torch. Option: l2, of the embeddings and the linear part (its default is 1e-5)."""

    def build(self) -> None:
        DeepFM, xDeepFM, SparseFeat = deepctr_classes()
        shape, l2 = self.shape, self.options["l2"]
        columns = [
            SparseFeat(name, size, shape.dim) for name, size in zip(shape.fields, shape.sizes, strict=True)
        ]
        common = {
            "dnn_hidden_units": shape.hidden,
            "dnn_dropout": DROPOUT,
            "dnn_use_bn": True,
            "l2_reg_linear": l2,
            "l2_reg_embedding": l2,
            "device": "cpu" if self.device.type == "cpu" else "cuda:0",
        }
        if shape.cin:
            # neither split nor activation, as in the other contenders; its own defaults are half and relu
            cin = {"cin_layer_size": shape.cin, "cin_split_half": False, "cin_activation": "linear"}
            self.model = xDeepFM(columns, columns, **cin, **common)
        else:
            self.model = DeepFM(columns, columns, **common)
        self.model.compile("adam", "binary_crossentropy")

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def load(self, part: slice) -> tuple[Tensor, Tensor]:
        x = torch.from_numpy(self.rows.ids[part] - self.starts).float()
        y = torch.tensor(np.asarray(self.rows.labels[part])).float()
        return x.to(self.device), y.to(self.device)

    def train(self, training: bool) -> None:
        self.model.train(training)

    def step(self, k: int) -> Tensor:
        x, y = self.batches[k % len(self.batches)]
        predicted = self.model(x).squeeze(-1)
        self.model.optim.zero_grad()
        loss = self.model.loss_func(predicted, y, reduction="sum")
        total = loss + self.model.get_regularization_loss() + self.model.aux_loss
        total.backward()
        self.model.optim.step()
        return loss.detach()

    def score(self, k: int) -> np.ndarray:
        x = torch.from_numpy(self.arrays[k % len(self.arrays)]).to(self.device).float()
        with torch.inference_mode():
            return self.model(x).squeeze(-1).cpu().numpy()


def deepctr_classes() -> tuple[Any, Any, Any]:
    """DeepFM, xDeepFM and SparseFeat, imported without a question to the network."""
    stub = types.ModuleType("requests")
    stub.get = None  # its check of its own version catches whatever this raises
    real = sys.modules.get("requests")
    sys.modules["requests"] = stub
    try:
        from deepctr_torch.inputs import SparseFeat
        from deepctr_torch.models import DeepFM, xDeepFM
    finally:
        del sys.modules["requests"]
        if real is not None:
            sys.modules["requests"] = real
    return DeepFM, xDeepFM, SparseFeat


class FuxiCTR(Contender):
    """FuxiCTR. Option: reg, of the embeddings (none by default)."""

    def build(self) -> None:
        features = feature_map(self.shape)
        self.model = fuxictr_model(features, self.shape, self.options.get("reg"), self.device)

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def load(self, part: slice) -> dict[str, Tensor]:
        ids = torch.from_numpy(self.rows.ids[part] - self.starts).long()
        batch = {name: ids[:, f].contiguous() for f, name in enumerate(self.shape.fields)}
        batch["label"] = torch.tensor(np.asarray(self.rows.labels[part])).float()
        return {name: value.to(self.device) for name, value in batch.items()}

    def train(self, training: bool) -> None:
        self.model.train(training)

    def step(self, k: int) -> Tensor:
        return self.model.train_step(self.batches[k % len(self.batches)]).detach()

    def score(self, k: int) -> np.ndarray:
        ids = torch.from_numpy(self.arrays[k % len(self.arrays)]).to(self.device)
        with torch.inference_mode():
            batch = {name: ids[:, f] for f, name in enumerate(self.shape.fields)}
            return self.model(batch)["y_pred"].squeeze(-1).cpu().numpy()


def feature_map(shape: Shape) -> Any:
    """What FuxiCTR knows of the columns."""
    from fuxictr.features import FeatureMap

    features = FeatureMap("bench", ".")
    for name, size in zip(shape.fields, shape.sizes, strict=True):
        features.features[name] = {"source": "", "type": "categorical", "vocab_size": size}
    features.labels, features.num_fields = ["label"], len(shape.sizes)
    features.default_emb_dim = shape.dim
    features.set_column_index()
    return features


def fuxictr_model(features: Any, shape: Shape, reg: float | None, device: torch.device) -> Any:
    """DeepFM or xDeepFM of FuxiCTR's own layers, under its own base model."""
    from fuxictr.pytorch import layers
    from fuxictr.pytorch.models import BaseModel

    class Model(BaseModel):
        def __init__(self):
            super().__init__(
                features,
                gpu=-1 if device.type == "cpu" else 0,
                embedding_regularizer=reg,
                verbose=0,
                model_root=".",
                metrics=["AUC"],
            )
            self.embedding_layer = layers.FeatureEmbedding(features, shape.dim)
            self.mlp = layers.MLP_Block(
                input_dim=len(shape.sizes) * shape.dim,
                hidden_units=list(shape.hidden),
                output_dim=1,
                dropout_rates=DROPOUT,
                batch_norm=True,
            )
            if shape.cin:
                self.first = layers.LogisticRegression(features, use_bias=False)
                self.cin = layers.CompressedInteractionNet(len(shape.sizes), list(shape.cin))
            else:
                self.first = layers.FactorizationMachine(features)
            self.compile("adam", "binary_crossentropy", 1e-3)
            self.reset_parameters()
            self.model_to_device()
            self._max_gradient_norm = 10.0  # set by its fit

        def forward(self, inputs):
            x = self.get_inputs(inputs)
            e = self.embedding_layer(x)
            logit = self.first(x) + self.cin(e) if shape.cin else self.first(x, e)
            logit = logit + self.mlp(e.flatten(start_dim=1))
            return {"y_pred": self.output_activation(logit)}

    return Model()


KINDS: dict[str, type[Contender]] = {"ours": Ours, "deepctr": DeepCTR, "fuxictr": FuxiCTR}
