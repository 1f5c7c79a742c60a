"""A random mix of requests to the service, each with what is right to answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from benchmarks import servers
from benchmarks.malformed import MOST_LEADS, Body, message, wrong
from lead_readiness import wire
from lead_readiness.answer import answers
from lead_readiness.handoff import Seen, States, alone
from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import DAY

MOST_EVENTS = 60
CROWD = 300
"""Leads that the store knows at a time: as new ones come old ones are forgotten, so that it does not grow for ever."""
MIX = {
    "score": 34, "forget": 6, "score now": 5, "score by id": 5, "explain": 8, "events": 7, "events again": 6, "lead": 7,
    "wrong": 20, "hanging up": 2,
}  # fmt: skip
Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Sent:
    """A request, and whether its answer is right: ``statuses`` and, where it is JSON of ours, ``check``."""

    sort: str
    message: bytes
    check: Check = lambda told: True
    statuses: tuple[int, ...] = (200,)
    ends: bool = False
    leaves: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether it is to be refused."""
        return self.statuses != (200,)

    def is_right(self, status: int, head: bytes, body: bytes) -> bool:
        """Whether it was answered, or refused, as it should be."""
        if status not in self.statuses:
            return False
        told = json.loads(body)
        if self.is_wrong:
            return b"application/problem+json" in head and told["status"] == status and bool(told["detail"])
        return self.check(told)


@dataclass(frozen=True)
class Known:
    """A request to score leads and the library's answer to it."""

    body: Body
    leads: list[Body]


class Traffic:
    """Requests one after the other; remembers what of the events was said to be stored."""

    def __init__(self, scorer: Scorer, known: int, seed: int = 0) -> None:
        self._rng = Random(seed)
        self._kinds = list(scorer.project.vocabulary)
        self._scores = [_known(scorer, self._rng, MOST_LEADS) for _ in range(known)]
        self._explains = [_known(scorer, self._rng, 1) for _ in range(known)]
        self._sent: Counter[str] = Counter()
        self._stored: Counter[str] = Counter()
        self._batches: list[tuple[Body, Counter[str]]] = []
        self._crowd = [f"crowd-{n}" for n in range(CROWD)]
        self._retired: list[str] = []
        self._on_the_way: Counter[str] = Counter()
        self._turn = 0

    def next(self) -> Sent:
        """The next request."""
        self._turn += 1
        (sort,) = self._rng.choices(list(MIX), list(MIX.values()))
        if sort in ("events again", "score by id", "lead", "forget") and not self._batches:
            sort = "events"
        making: dict[str, Callable[[], Sent]] = {
            "score": self._score,
            "forget": self._forget,
            "score now": self._now,
            "score by id": self._by_id,
            "explain": self._explain,
            "events": self._events,
            "events again": self._again,
            "lead": lambda: self._lead(self._rng.choice(list(self._stored)), is_settled=False),
            "wrong": self._wrong,
            "hanging up": self._hanging_up,
        }
        return making[sort]()

    def stored(self) -> Iterator[Sent]:
        """A last look at every lead of the store: it holds each event that was taken in, once."""
        for lead in self._stored:
            yield self._lead(lead, is_settled=True)

    def _score(self) -> Sent:
        one = self._rng.choice(self._scores)
        return Sent("score", message("POST", "/score", one.body, "score"), lambda t: t["leads"] == one.leads)

    def _now(self) -> Sent:
        body = {key: value for key, value in self._rng.choice(self._scores).body.items() if key != "as_of"}
        names = [lead["lead_id"] for lead in body["leads"]]
        return Sent("score now", message("POST", "/score", body, "score"), lambda told: _names(told) == names)

    def _by_id(self) -> Sent:
        names = self._rng.sample(list(self._stored), min(len(self._stored), self._rng.randint(1, 10)))
        body = {"leads": [{"lead_id": name} for name in names]}
        self._on_the_way.update(names)

        def is_right(told: Any) -> bool:
            self._on_the_way -= Counter(names)
            return _names(told) == names

        return Sent("score by id", message("POST", "/score", body, "score"), is_right)

    def _explain(self) -> Sent:
        one = self._rng.choice(self._explains)
        body = {"lead": one.body["leads"][0], **{k: v for k, v in one.body.items() if k != "leads"}}
        if self._rng.random() < 0.5:
            body["since"] = written(servers.cut() - 400 * DAY)
        asking = message("POST", "/explain", body, "score")
        return Sent("explain", asking, lambda told: told["lead"] == one.leads[0])

    def _events(self) -> Sent:
        """New events of a few leads, in the contract's form or Segment's."""
        rng, counts = self._rng, Counter[str]()
        events: list[Body] = []
        for name in rng.sample(self._crowd, rng.randint(1, 3)):
            for _ in range(rng.randint(1, 4)):
                counts[name] += 1
                self._sent[name] += 1
                kind, at = rng.choice(self._kinds), written(servers.cut() - rng.randrange(200 * DAY))
                events.append(
                    _event(name, kind, at, f"{name}-{self._sent[name]}", is_track=rng.random() < 0.4)
                )
        rng.shuffle(events)
        body: Body = {"events": events}
        if rng.random() < 0.2:
            body["leads"] = [{"lead_id": name, "attributes": {"employees": len(name)}} for name in counts]
        if len(events) == 1 and events[0].get("type") == "track":
            body = events[0]

        def is_right(told: Any) -> bool:
            self._on_the_way -= Counter(counts.keys())
            if fresh := told["events"]["new"] == counts.total() and told["events"]["repeated"] == 0:
                there = Counter({name: n for name, n in counts.items() if name in self._crowd})
                self._stored += there
                if there == counts:
                    self._batches.append((body, counts))
            return fresh and set(_names(told)) == counts.keys()

        self._on_the_way.update(counts.keys())
        return Sent("events", message("POST", "/events", body, "ingest"), is_right)

    def _again(self) -> Sent:
        """Events that were stored before, in another order: repeated, and nothing else."""
        body, counts = self._rng.choice(self._batches)
        if "events" in body:
            body = {**body, "events": self._rng.sample(body["events"], len(body["events"]))}
        became = {"new": 0, "repeated": counts.total(), "erased": 0, "contradicting": []}

        def is_right(told: Any) -> bool:
            self._on_the_way -= Counter(counts.keys())
            return told["events"] == became and set(_names(told)) == counts.keys()

        self._on_the_way.update(counts.keys())
        return Sent("events again", message("POST", "/events", body, "ingest"), is_right)

    def _forget(self) -> Sent:
        """One lead of the crowd is asked about no more; another, of which nothing is on its way, is erased."""
        name = self._rng.choice(list(self._stored))
        self._crowd[self._crowd.index(name)] = f"crowd-{CROWD + self._turn}"
        del self._stored[name]
        self._batches = [(body, counts) for body, counts in self._batches if name not in counts]
        self._retired.append(name)
        old = next((one for one in self._retired if not self._on_the_way[one]), None)
        if old is None:
            return self._score()
        self._retired.remove(old)
        asking = message("DELETE", f"/leads/{old}", scope="admin")
        return Sent("forget", asking, lambda told: told == {"erased": True, "was_known": True})

    def _lead(self, name: str, is_settled: bool) -> Sent:
        least = self._stored[name]
        self._on_the_way[name] += 1

        def is_right(told: Any) -> bool:
            self._on_the_way[name] -= 1
            held = told["stored"]["events"]
            return held == least if is_settled else least <= held <= self._sent[name]

        return Sent(
            "stored" if is_settled else "lead", message("GET", f"/leads/{name}", scope="score"), is_right
        )

    def _wrong(self) -> Sent:
        found = wrong(self._rng, self._rng.choice(self._explains).body)
        return Sent(f"wrong: {found.name}", found.message, statuses=found.statuses, ends=found.ends)

    def _hanging_up(self) -> Sent:
        """A client that goes in the middle of its request, or before the answer."""
        whole = self._score().message
        said = self._rng.choice((len(whole), self._rng.randrange(1, len(whole))))
        return Sent("hanging up", whole[:said], leaves=True)


def _known(scorer: Scorer, rng: Random, most: int) -> Known:
    """A request to score some leads of the sample company at some moment, and what the library says."""
    lines, at = servers.company().timelines, servers.cut() - rng.randrange(300) * DAY
    there = np.flatnonzero(lines.created < at)
    size = round(most ** rng.random())  # often few, seldom many
    leads = [servers.as_json(lines, int(lead)) for lead in rng.sample(there.tolist(), size)]
    for lead in leads:
        lead["events"] = lead["events"][: rng.randint(0, MOST_EVENTS)]
    body: Body = {"leads": leads, "as_of": written(at)}
    if (top := rng.choice((None, 0, 1, 3, 20))) is not None:
        body["top"] = top
    project = scorer.project.model_copy(update={"cut": None})
    read = wire.read(project, leads)
    scored = scorer.assess(read.timelines, read.lead, np.full(size, at))
    columns = scored.score, scored.probability, scored.replay.triggered
    seen = Seen.from_timelines(project, read.timelines, read.lead, at, *columns)
    made = alone(project.handoff, States.empty(), seen, at)
    return Known(body, json.loads(json.dumps([told.as_json() for told in answers(scored, made, top)])))


def _event(lead: str, kind: str, at: str, key: str, is_track: bool) -> Body:
    if is_track:
        return {"type": "track", "userId": lead, "event": kind, "timestamp": at, "messageId": key}
    return {"lead_id": lead, "kind": kind, "occurred_at": at, "event_id": key}


def _names(told: Any) -> list[str]:
    return [lead["lead_id"] for lead in told["leads"]]
