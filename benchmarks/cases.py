"""What is compared: groups of contenders that build the same model, and what is to be reached."""

from dataclasses import dataclass

from .contenders import Entry, Shape

# What this project's runs ask of the allocator, for a peer: freed memory stays with the process
# instead of going back to the kernel at every step.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


@dataclass(frozen=True)
class Group:
    """Contenders that take turns on one model.

    Args:
        title: as the table shows it.
        shape: the model.
        entries: who takes part.
        steps: steps or batches of a turn.
    """

    title: str
    shape: Shape
    entries: tuple[Entry, ...]
    steps: int


def _ours(device: str, *, brief: bool) -> list[Entry]:
    entries = [Entry("ours", "ours")]
    if device == "cpu":
        entries.append(Entry("ours, lazy rows", "ours", {"optimizer": "lazy"}, ("train",)))
    else:
        entries.append(Entry("ours, TF32", "ours", {"matmul": "high"}))
    entries.append(Entry("ours, bfloat16", "ours", {"precision": "bfloat16"}))
    if device == "cpu" and not brief:
        both = {"optimizer": "lazy", "precision": "bfloat16"}
        entries.append(Entry("ours, lazy rows, bfloat16", "ours", both, ("train",)))
    return [*entries, Entry("ours, τ = .5", "ours", {"prune_ratio": 0.5}, role="cut")]


def _peers(device: str, *, brief: bool) -> list[Entry]:
    entries = [
        Entry("DeepCTR-Torch", "deepctr", {"l2": 1e-5}),
        Entry("DeepCTR-Torch, l2 0", "deepctr", {"l2": 0.0}),
        Entry("FuxiCTR", "fuxictr"),
        Entry("FuxiCTR, reg 1e-5", "fuxictr", {"reg": 1e-5}),
    ]
    entries = [e for e in entries if not (brief and "," in e.name)]
    if device == "cpu":
        return [*entries, Entry("FuxiCTR, memory kept", "fuxictr", env=KEEP_MEMORY, role="aside")]
    return [*entries, Entry("FuxiCTR, TF32", "fuxictr", {"matmul": "high"}, role="aside")]


def groups(device: str) -> dict[str, Group]:
    """All groups, by the key that `--cases` takes."""

    def entries(*, brief: bool) -> tuple[Entry, ...]:
        return (*_ours(device, brief=brief), *_peers(device, brief=brief))

    deep16 = Shape("deepfm", 16, (400, 400, 400))
    deep10 = Shape("deepfm", 10, (400, 400, 200))
    cin = Shape("xdeepfm", 10, (400, 400, 200), (64, 64, 64))
    return {
        "deepfm16": Group("DeepFM, d 16, 400-400-400", deep16, entries(brief=False), 6),
        "deepfm10": Group("DeepFM, d 10, 400-400-200", deep10, entries(brief=True), 6),
        "xdeepfm": Group("xDeepFM, CIN 64-64-64, d 10, 400-400-200", cin, entries(brief=True), 2),
    }


@dataclass(frozen=True)
class Target:
    """A ratio of medians that was set beforehand.

    Args:
        text: what is compared.
        group, measure: where; measure is train, infer, prepare or epoch.
        versus: `peer`: fastest peer over ours, at least `ratio`; `whole`: cut over whole, at most `ratio`.
        ratio: the bound.
        of: how the names of the peers begin that count; empty: all do.
    """

    text: str
    group: str
    measure: str
    versus: str
    ratio: float
    of: str = ""


TARGETS = (
    Target("DeepFM training", "deepfm16", "train", "peer", 3.0),
    Target("xDeepFM training", "xdeepfm", "train", "peer", 4.0),
    Target("DeepFM inference", "deepfm16", "infer", "peer", 1.5),
    Target("xDeepFM inference", "xdeepfm", "infer", "peer", 3.0),
    Target("Preparation", "preparation", "prepare", "peer", 5.0),
    Target("Own xDeepFM step at τ = .5", "xdeepfm", "train", "whole", 0.5),
)
