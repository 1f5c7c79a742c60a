"""The audit: every check in turn, each on what those before it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from training.audit import attributes, kinds, ranking
from training.audit.attributes import Found
from training.audit.findings import Audit, Flag, readers
from training.dataset import Dataset

Check = Callable[[list[str]], Found]


def audit(data: Dataset, seed: int = 0) -> Audit:
    """What of a data set is known only once the outcome is: attributes, then event kinds, as the project lists them.

    A column is flagged by the first check that finds it and is left out of those that follow, so that one leak does
    not hide another. Kinds of the buyer's and of marketing are examined, save those that hold a lead back: who
    opts out is given up because of it. Up to 50,000 rows, drawn by ``seed``, are ranked; with fewer than 20
    winners in either half of the time none are.
    """
    taken, new = ranking.exam(data, seed), ranking.newcomers(data, seed)
    vocabulary = data.project.vocabulary
    acted = [
        k for k, v in vocabulary.items() if v.actor in ("buyer", "marketing") and v.scored and v.hold is None
    ]
    of_kinds: list[tuple[str, Check]] = [
        ("falls with the decision", partial(kinds.decisions, data)),
        ("of one outcome", partial(kinds.one_outcome, data)),
        ("done by sales", partial(kinds.by_sales, data)),
        ("ranks too well", partial(ranking.too_good, taken, seed)),
        ("gone with the last days", partial(ranking.lagged, taken)),
    ]
    events = _found(acted, of_kinds)
    of_attributes: list[tuple[str, Check]] = [
        ("filled for one outcome", partial(attributes.filled, data)),
        ("dated after creation", partial(attributes.dated, data)),
        ("ranks too well", partial(ranking.too_good_alone, new, seed)),
        ("says more than all else", partial(ranking.ahead, new, seed, set(events))),
    ]
    columns = _found(data.project.attributes, of_attributes)
    keep = data.project.judgement.keep
    flags = (
        *(
            Flag(name, "attribute", *columns[name], name in keep)
            for name in data.project.attributes
            if name in columns
        ),
        *(Flag(name, "event kind", *events[name], name in keep) for name in acted if name in events),
    )
    return Audit(flags, tuple(dict.fromkeys(readers(data.book, {*columns, *events}))))


def _found(names: Iterable[str], checks: list[tuple[str, Check]]) -> dict[str, tuple[str, str]]:
    """Each column that a check finds, with the check's name and its words; checks get what is left."""
    found: dict[str, tuple[str, str]] = {}
    for check, run in checks:
        left = [name for name in names if name not in found]
        found |= {name: (check, words) for name, words in run(left)} if left else {}
    return found
