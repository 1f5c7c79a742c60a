"""Requests that arrive together are scored together: what a call of NumPy costs is then paid once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from serving.endpoint import score
from serving.endpoint.means import Means

MOST = 64
"""Requests that are scored in one go, so that none waits long for the others."""


class Waiting(NamedTuple):
    """A request that was read and waits to be scored."""

    asked: score.Asked
    answer: asyncio.Future[dict[str, Any]]

    @property
    def group(self) -> tuple[int, int | None, int | None]:
        """Requests that are alike in this can be scored together."""
        return id(self.asked.means.champion), self.asked.as_of, self.asked.top


class Together:
    """Answers requests of one event loop; each is answered as it would be by itself, to the bit."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    async def score(self, means: Means, body: object) -> dict[str, Any]:
        """As `score.score`, once all that arrived in the same turn of the loop were read."""
        loop = asyncio.get_running_loop()
        one = Waiting(score.read(means, body), loop.create_future())
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
        answers = score.answers([one.asked for one in group])
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
