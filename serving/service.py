"""The scoring endpoint as a BentoML service: `bentoml serve serving.service:LeadReadiness`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from time import time_ns
from typing import Any

import anyio
import anyio.to_thread
import bentoml
from pydantic_core import to_json
from starlette.responses import Response

from lead_readiness.errors import LeadReadinessError
from serving.endpoint import events, explain, leads, score
from serving.endpoint.means import Means
from serving.endpoint.together import Together
from serving.endpoint.warming import warm
from serving.every import Every
from serving.http.doorway import Doorway
from serving.http.logs import Log
from serving.http.metrics import metrics
from serving.http.openapi import openapi
from serving.http.problems import MEDIA_TYPE, ProblemError, of_error, of_status
from serving.http.schemas import (
    EventsAnswer,
    EventsRequest,
    ExplainAnswer,
    ExplainRequest,
    ScoreAnswer,
    ScoreRequest,
)
from serving.http.shown import shown
from serving.http.visit import Visit, current
from serving.kept import Kept
from serving.models import Keeper
from serving.origins import origin
from serving.settings import Settings

SETTINGS = Settings.from_environment()
LOG = Log()
GRACE = 5.0
OPTIONS: dict[str, Any] = {
    "name": "lead_readiness",
    "workers": SETTINGS.workers,
    # Each request arms a timer that lives as long as this: the fewer of them, the smaller the heap. `in_time` is first.
    "traffic": {"timeout": SETTINGS.timeout_seconds + GRACE},
    "logging": {"access": {"enabled": False}},  # the doorway logs
    "tracing": {"excluded_urls": ".*"},
    "metrics": {"enabled": False},  # the doorway counts, without lead ids
}
Answer = Callable[[Means, object], dict[str, Any]]


def clock() -> int:
    """Now, in microseconds UTC."""
    return time_ns() // 1_000


class Endpoint:
    """How ready each lead is to be handed to sales, with reasons, decision and what changed."""

    def __init__(self) -> None:
        SETTINGS.check()
        self.kept = Kept(SETTINGS.store, LOG.write)
        self.keeper = Keeper(
            origin(SETTINGS.model, SETTINGS.tracking), partial(warm, settings=SETTINGS), clock, self._heard
        )
        self._work = [
            Every(SETTINGS.refresh_seconds, self.kept.refresh, "hand-off"),
            Every(SETTINGS.poll_seconds, self.keeper.look, "champion"),
        ]
        for work in self._work:
            work.start()
        self.together = Together()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def deploy() -> None:
        """Refuse to start what would be open to everybody by mistake, before any worker begins."""
        SETTINGS.check()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Let go of the store."""
        for work in self._work:
            work.stop()
        self.kept.close()
        metrics().close()

    async def __is_ready__(self) -> bool:
        """Whether a model is loaded and the store, if there is one, can be used."""
        return self.keeper.champion is not None and self.kept.is_ready

    @bentoml.api(route="/score", input_spec=ScoreRequest, output_spec=ScoreAnswer)  # type: ignore[untyped-decorator]
    async def score(self, body: ScoreRequest, /) -> Response:
        """Score leads, given with their histories or known to the store by id, at one moment."""
        means = self._means()
        if means is not None and not score.waits(means, body):
            return await alongside(means.visit, self.together.score(means, body))
        return await self._in_thread(means, score.score, body)

    @bentoml.api(route="/explain", input_spec=ExplainRequest, output_spec=ExplainAnswer)  # type: ignore[untyped-decorator]
    async def explain(self, body: ExplainRequest, /) -> Response:
        """Take one lead's score apart: every feature and rule, what changed, the line."""
        return await self._in_thread(self._means(), explain.explain, body)

    @bentoml.api(route="/events", input_spec=EventsRequest, output_spec=EventsAnswer)  # type: ignore[untyped-decorator]
    async def events(self, body: EventsRequest, /) -> Response:
        """Store events as they happen, and answer with their leads' new scores."""
        return await self._in_thread(self._means(), events.events, body)

    def _means(self) -> Means | None:
        """What the request is answered with; None where no model serves."""
        champion = self.keeper.champion
        return None if champion is None else Means(champion, self.kept, SETTINGS, clock(), current.get())

    async def _in_thread(self, means: Means | None, answer: Answer, body: object) -> Response:
        """An answer that may take long, or that asks the store."""
        if means is None:
            return refused(current.get(), of_status(503))
        return await in_time(means.visit, partial(answer, means, body))

    def _heard(self, event: str, **facts: Any) -> None:
        """Log what became of a model, and count it."""
        LOG.write(event, **facts)
        if event == "model refused":
            metrics().refused()
        if event == "model serves" and self.keeper.champion is not None:
            champion = self.keeper.champion
            metrics().serves(champion.scorer, champion.earlier)

    def state(self) -> dict[str, Any]:
        """Which model serves, which were refused, and whether the store can be used."""
        is_ready = self.keeper.champion is not None and self.kept.is_ready
        return {"is_ready": is_ready, "models": self.keeper.state(), "store": self.kept.state()}


def answered(visit: Visit, answer: Callable[[], dict[str, Any]]) -> Response:
    """The answer as JSON, or the problem that there was; nothing that is raised gets past here."""
    try:
        return sent(visit, answer())
    except Exception as error:
        return failed(visit, error)


async def alongside(visit: Visit, answer: Awaitable[dict[str, Any]]) -> Response:
    """The same of an answer that is made together with those of other requests."""
    try:
        return sent(visit, await answer)
    except Exception as error:
        return failed(visit, error)


def sent(visit: Visit, answer: dict[str, Any]) -> Response:
    """An answer as JSON."""
    body = to_json(answer, inf_nan_mode="null")
    visit.mark("write")
    return Response(body, media_type="application/json")


def failed(visit: Visit, error: Exception) -> Response:
    """The problem that an error is to whoever asked."""
    if isinstance(error, LeadReadinessError):
        return refused(visit, of_error(error))
    LOG.unexpected(visit, error)
    return refused(visit, of_status(500))


def refused(visit: Visit, problem: ProblemError) -> Response:
    """A problem as an answer."""
    visit.problem = problem.sort
    return Response(problem.body(visit.request_id), problem.status, problem.headers, MEDIA_TYPE)


async def threaded(answer: Callable[[], dict[str, Any]]) -> Response:
    """The answer, worked out in a thread."""
    visit = current.get()
    visit.begin()
    return await in_time(visit, answer)


async def in_time(visit: Visit, answer: Callable[[], dict[str, Any]]) -> Response:
    """The answer of a thread, or the problem that it takes too long; the thread comes to its end unheard."""
    with anyio.move_on_after(SETTINGS.timeout_seconds):
        return await anyio.to_thread.run_sync(answered, visit, answer, abandon_on_cancel=True)
    return refused(visit, of_status(504))


def _serving() -> Endpoint:
    """The service of this process."""
    running: Endpoint = bentoml.get_current_service()
    return running


def _document() -> dict[str, Any]:
    about = {
        "title": "Lead Readiness",
        "version": version("lead-readiness"),
        "description": str(Endpoint.__doc__),
    }
    return openapi(LeadReadiness.openapi_spec.asdict(), about)


LeadReadiness: Any = bentoml.service(**OPTIONS)(Endpoint)
LeadReadiness.add_asgi_middleware(Doorway, settings=SETTINGS, log=LOG)
LeadReadiness.mount_asgi_app(
    shown(
        lead=lambda lead_id: leads.lead(_serving().kept, lead_id),
        forget=lambda lead_id: leads.forget(_serving().kept, lead_id),
        model=lambda: _serving().state(),
        document=_document,
        metrics=lambda: metrics().page(),
        answer=threaded,
    ),
    path="/",
)
