"""A small task to compress on, and a method run on it."""

from lfmp_core.budget import Budget
from lfmp_core.methods import get_method
from lfmp_core.models import BackboneSettings
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings

DIM = 8


def clicks_on(data):
    """DeepFM on some clicks, for two epochs."""
    backbone = BackboneSettings(name="deepfm", embedding_dim=DIM, hidden=(16,))
    return Clicks(data, backbone, TrainingSettings(learning_rate=0.01, batch_size=512, epochs=2))


def run(task, method, folder=None, sparsity=0.75, **settings):
    """The outcome of a method that is to remove so many of the numbers."""
    return get_method(method).run(task, Budget(sparsity, "numbers"), 1, settings=settings, folder=folder)
