"""What Prometheus is told: what was scored and how, how long each stage took, what was refused.

BentoML's own metrics are off: they name a request by its path, which for a lead holds its id.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from serving.http.visit import Visit

STAGES = (5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
SCORES = tuple(float(score) for score in range(-60, 201, 10))


class Metrics:
    """The server's own metrics, beside those of BentoML; made once in each worker.

    prometheus_client is imported here and not above: BentoML tells it, after importing a service, where the worker
    processes share their numbers.
    """

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        name = "lead_readiness_{}".format

        def each(metric: Any) -> Any:
            """The metric's child for its labels; asking the metric itself takes longer than counting."""
            return cache(metric.labels)

        scores = Histogram(name("score"), "Scores told", ["model"], buckets=SCORES)
        bands = Counter(name("bands"), "Leads told, by the band of their score", ["band"])
        decisions = Counter(name("decisions"), "Leads told, by decision and clause", ["decision", "clause"])
        labels = ["route", "method", "status"]
        requests = Histogram(name("request_seconds"), "Requests", labels, buckets=STAGES)
        stages = Histogram(name("stage_seconds"), "Time by stage", ["route", "stage"], buckets=STAGES)
        problems = Counter(name("problems"), "Refused requests", ["status", "type"])
        self._score, self._band, self._decision = each(scores), each(bands), each(decisions)
        self._request, self._stage, self._problem = each(requests), each(stages), each(problems)
        self._unknown = Counter(name("unknown_kinds"), "Events of kinds that the vocabulary lacks")
        self._events = Counter(name("events"), "Events that came, by what became of them", ["became"])
        self._refused = Counter(name("models_refused"), "Models that were not taken")
        self._model = Gauge(
            name("model_info"),
            "The model that serves is 1",
            ["model", "rule_book"],
            multiprocess_mode="livemax",
        )

    def done(self, visit: Visit, status: int, seconds: float) -> None:
        """Count what a request came to. Unknown kinds are not told apart: their names are whatever a client sends."""
        self._request(visit.route, visit.method, status).observe(seconds)
        for stage, taken in visit.stages.items():
            self._stage(visit.route, stage).observe(taken)
        if visit.problem is not None:
            self._problem(status, visit.problem).inc()
            return
        for answer in visit.told:
            self._score(answer.model).observe(answer.score)
            self._band(answer.band or "none").inc()
            if answer.decision is not None:
                self._decision(answer.decision.decision, answer.decision.clause).inc()
        if visit.unknown_kinds:
            self._unknown.inc(sum(visit.unknown_kinds.values()))
        for word, n in visit.became.items():
            self._events.labels(word).inc(n)

    def serves(self, scorer: Any, before: Any = None) -> None:
        """Another model serves."""
        if before is not None:
            self._of(before).set(0)
        self._of(scorer).set(1)

    def refused(self) -> None:
        """A model was not taken."""
        self._refused.inc()

    def page(self) -> bytes:
        """All workers' metrics, as Prometheus reads them."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def close(self) -> None:
        """This worker ends: what it served is no longer the case."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]

    def _of(self, scorer: Any) -> Any:
        return self._model.labels(scorer.version, f"{scorer.book.name} {scorer.book.version}")


@cache
def metrics() -> Metrics:
    """The metrics of this process."""
    return Metrics()
