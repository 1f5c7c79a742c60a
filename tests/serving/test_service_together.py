"""Requests that arrive together: scored in one go, answered as each would be by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from blended import blended
from histories import day
from served import NOW, champion, lead, means

from lead_readiness.moments import written
from lead_readiness.wire import BadValuesError
from serving.endpoint import score, telling
from serving.endpoint.means import Means
from serving.endpoint.together import MOST, Together

CHAMPION = champion(blended())
BODIES: list[Any] = [
    {"leads": [lead("ann")]},
    {"leads": [lead("ann", 3)]},  # the same id, another history
    {"leads": [lead("bob", 7), lead("cleo", 0)], "top": 1},
    {"leads": [lead("dora", 12)], "as_of": written(day(119))},
    {"leads": [{**lead("emil", 2), "account_id": "of ann"}], "as_of": written(NOW)},
    {"leads": [lead(f"f{n}", n) for n in range(9)]},
]


def asked() -> Means:
    return means(serving=CHAMPION)


async def all_of(requests: list[Coroutine[Any, Any, dict[str, Any]]]) -> list[Any]:
    return await asyncio.gather(*requests, return_exceptions=True)


def answered(bodies: list[Any]) -> list[Any]:
    together = Together()
    return asyncio.run(all_of([together.score(asked(), body) for body in bodies]))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many leads each assessment had."""
    found, usual = [], telling.score

    def counted(means: Means, timelines: Any, lead: Any, *rest: Any) -> telling.Told:
        found.append(len(lead))
        return usual(means, timelines, lead, *rest)

    monkeypatch.setattr(telling, "score", counted)
    return found


def test_each_is_answered_as_by_itself(batches: list[int]) -> None:
    alone = [score.score(asked(), body) for body in BODIES]
    batches.clear()
    assert answered(BODIES) == alone
    assert sorted(batches) == [1, 1, 2, 11]  # by moment and number of reasons


def test_many_at_once_are_scored_a_few_at_a_time(batches: list[int]) -> None:
    told = answered([BODIES[0]] * (MOST + 5))
    assert batches == [MOST, 5]
    assert all(one == told[0] for one in told)


def test_what_is_wrong_fails_alone() -> None:
    wrong = {"leads": [{**lead("bob"), "created_at": 17}]}
    first, second, third = answered([BODIES[0], wrong, BODIES[2]])
    assert isinstance(second, BadValuesError)
    assert [first["leads"][0]["lead_id"], third["leads"][0]["lead_id"]] == ["ann", "bob"]


def test_what_fails_only_while_it_is_scored_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = telling.score

    def failing(means: Means, timelines: Any, *rest: Any) -> telling.Told:
        if "bob" in timelines.lead_ids:
            raise RuntimeError("bob")
        return usual(means, timelines, *rest)

    monkeypatch.setattr(telling, "score", failing)
    first, second = answered([BODIES[0], {"leads": [lead("bob")]}])
    assert first["leads"][0]["lead_id"] == "ann"
    assert isinstance(second, RuntimeError)


def test_who_goes_away_keeps_nobody_waiting() -> None:
    async def run() -> list[Any]:
        together = Together()
        gone = asyncio.ensure_future(together.score(asked(), BODIES[0]))
        stays = asyncio.ensure_future(together.score(asked(), BODIES[2]))
        await asyncio.sleep(0)
        gone.cancel()
        return await asyncio.gather(gone, stays, return_exceptions=True)

    gone, stays = asyncio.run(run())
    assert isinstance(gone, asyncio.CancelledError)
    assert len(stays["leads"]) == 2


def test_every_request_knows_its_own_answers_and_what_they_share_is_timed_once() -> None:
    together, visits = Together(), [asked(), asked()]
    bodies = [BODIES[0], BODIES[5]]
    asyncio.run(all_of([together.score(one, body) for one, body in zip(visits, bodies)]))
    assert [len(one.visit.told) for one in visits] == [1, 9]
    assert {one.visit.model for one in visits} == {CHAMPION.scorer.version}
    first, second = (one.visit.stages.keys() for one in visits)
    assert first == {"read", "score", "decide", "reasons"}
    assert second == {"read"}
