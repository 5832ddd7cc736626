"""The box below a page's title: what it answers, in numbers from records, and how sure that is."""

import re
from dataclasses import dataclass
from html import escape

MOST = 5  # sentences that a reader takes in at a glance
_STRONG = re.compile(r"\*\*(.+?)\*\*")


@dataclass(frozen=True)
class Answer:
    """A page's answer.

    Attributes:
        sentences: at most `MOST`, with numbers and how far they may be off; **what counts** stands out.
        sure: on how much they stand; empty where there is nothing yet.
    """

    sentences: tuple[str, ...]
    sure: str = ""

    def __post_init__(self) -> None:
        assert 0 < len(self.sentences) <= MOST, f"an answer has one to {MOST} sentences"

    def _repr_html_(self) -> str:
        lines = [f"<p>{_marked(sentence)}</p>" for sentence in self.sentences]
        if self.sure:
            lines.append(f'<p class="lfmp-sure"><strong>How sure.</strong> {_marked(self.sure)}</p>')
        return '<div class="lfmp-answer">' + "".join(lines) + "</div>"

    def __repr__(self) -> str:
        return "\n".join([*self.sentences, *([f"How sure. {self.sure}"] if self.sure else [])])


def waiting(command: str) -> Answer:
    """Of a page whose reference runs are not there yet.

    Args:
        command: that makes them.
    """
    return Answer(
        (f"**There is no answer yet**: the reference runs of this page are not all made yet ({command}).",)
    )


def _marked(sentence: str) -> str:
    return _STRONG.sub(r"<strong>\1</strong>", escape(sentence))
