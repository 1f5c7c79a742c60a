"""Requests that arrive together are scored together: what a call of NumPy costs is then paid once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lead_readiness.timelines import joined
from serving.endpoint import score, telling
from serving.endpoint.means import Means

MOST = 64
"""Requests that are scored in one go, so that none waits long for the others."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that was read and waits to be scored."""

    means: Means
    asked: score.Asked
    answer: asyncio.Future[dict[str, Any]]

    @property
    def group(self) -> tuple[int, int | None, int | None]:
        """Requests that are alike in this can be scored together."""
        return id(self.means.champion), self.asked.as_of, self.asked.top


class Together:
    """Answers requests of one event loop; each is answered as it would be by itself, to the bit."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    async def score(self, means: Means, body: object) -> dict[str, Any]:
        """As `score.score`, once all that arrived in the same turn of the loop were read."""
        loop = asyncio.get_running_loop()
        one = Waiting(means, score.read(means, body), loop.create_future())
        self._waiting.append(one)
        if len(self._waiting) == 1:
            loop.call_soon(self._answer)
        return await one.answer

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        groups: dict[Any, list[Waiting]] = {}
        for one in waiting:
            groups.setdefault(one.group, []).append(one)
        for group in groups.values():
            for begin in range(0, len(group), MOST):
                _answer(group[begin : begin + MOST])


def _answer(group: Sequence[Waiting]) -> None:
    """Answer requests about one moment; if that fails each is answered by itself, so that it fails alone."""
    try:
        answers = _answers(group)
    except Exception as error:
        if len(group) > 1:
            for one in group:
                _answer([one])
        elif not group[0].answer.cancelled():
            group[0].answer.set_exception(error)
        return
    for one, answer in zip(group, answers):
        if not one.answer.cancelled():
            one.answer.set_result(answer)


def _answers(group: Sequence[Waiting]) -> list[dict[str, Any]]:
    """All answers from one assessment; the time that its stages took is every request's."""
    means = group[0].means
    lines, begins = joined([one.asked.leads.timelines for one in group])
    lead = np.concatenate([one.asked.leads.lead + np.int32(n) for one, n in zip(group, begins)])
    at = means.now if group[0].asked.as_of is None else group[0].asked.as_of
    means.visit.begin()
    told = telling.score(means, lines, lead, at, group[0].asked.top)
    answers, begin = [], 0
    for one in group:
        own = slice(begin, begin := begin + len(one.asked.leads.lead))
        one.means.visit.share(means.visit, told.answers[own])
        answers.append(score.answer(one.means, one.asked, at, told.leads[own], told.notes))
    return answers
