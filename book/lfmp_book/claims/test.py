"""A test of sentences: asked of records or of printed cells, arm by arm, it gives cases and claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .cases import Case, Tally, cases_in_words
from .claim import Claim
from .sentences import quotes

Asked = TypeVar("Asked", contravariant=True)


@dataclass(frozen=True)
class CasesFound:
    """What a test found.

    Attributes:
        cases: that decide. found: the same in figures.
        given: numbers that the rule names.
    """

    cases: Sequence[Case]
    found: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Test(Generic[Asked]):
    """One test of one or more sentences.

    Attributes:
        sentences: ids of what it quotes, see `sentences.quotes`. rule: how they are tested; where the
            outcome gives numbers, {name} stands for them.
        cases: of what the test is asked of; `CasesFound` where there is more to say than the cases.
        also: ids of sentences that stand and fall with the quoted one.
    """

    sentences: tuple[str, ...]
    rule: str
    cases: Callable[[Asked], Sequence[Case] | CasesFound]
    also: tuple[str, ...] = ()

    def outcome(self, asked: Asked) -> CasesFound:
        """The cases, in words too."""
        found = self.cases(asked)
        return found if isinstance(found, CasesFound) else CasesFound(found, cases_in_words(found))


def claims_of(
    paper: str,
    item: str,
    tests: Sequence[Test[Asked]],
    asked: Mapping[str, Asked],
    beyond: Sequence[str] = (),
) -> list[Claim]:
    """Every sentence of some tests that an item judges, with its verdict: test by test, each arm by arm.

    Args:
        paper: see `sentences.PAPERS`. item: of the book.
        asked: arm → what answers for it; one without a name where sentences don't speak of arms.
        beyond: arms that the paper doesn't have.
    """
    known, found = quotes(paper), []
    for test in tests:
        for arm, own in asked.items():
            outcome = test.outcome(own)
            tally = Tally.of(outcome.cases)
            rule = test.rule.format(**outcome.given) if outcome.given else test.rule
            for quote in (known[name] for name in test.sentences):
                if item in quote.sentence.items:
                    found.append(
                        Claim(
                            quote.words,
                            quote.place,
                            rule,
                            outcome.found,
                            tally.verdict,
                            (quote.sentence.id, *test.also),
                            arm,
                            arm in beyond,
                            tally,
                        )
                    )
    return found
