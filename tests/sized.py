"""Settings of any backbone from sizes for all of them."""

from lfmp_core.models import REGISTRY, BackboneSettings


def sized(name, **sizes):
    """Settings of a backbone; of `sizes`, each of which some backbone has, those that it has itself."""
    known = {own: set(kind.settings_type.model_fields) for own, kind in REGISTRY.items()}
    assert set(sizes) <= set.union(*known.values())
    return BackboneSettings(name=name, **{key: value for key, value in sizes.items() if key in known[name]})
