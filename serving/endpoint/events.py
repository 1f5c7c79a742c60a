"""`POST /events`: engagement as it happens, stored before it is answered with the leads' new scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lead_readiness.answer import changed
from lead_readiness.errors import nearest
from lead_readiness.project import Kind, Project
from lead_readiness.timelines import NEVER
from lead_readiness.wire import BadValuesError, Mistake, read_events
from lead_readiness.wire import Event as Happened
from lead_readiness.wire.events import slug
from lead_readiness.wire.mistakes import Said
from serving.endpoint import asking, telling
from serving.endpoint.explain import change
from serving.endpoint.means import Means
from serving.http.problems import bad_values
from serving.store import BadRow, Event, Ingested, Lead, Score

KEYS = ("events", "leads", "source")
RECORD = ("lead_id", "created_at", "account_id", "attributes")


def events(means: Means, body: object) -> dict[str, Any]:
    """What became of the events, and the new score of each lead that they are about, with what changed.

    The body holds ``events`` and ``leads``, or is one `track` call. All of it is stored, or nothing. A batch that
    comes again is answered again; scores are kept of one that brought something. Raises LeadReadinessError for what
    cannot be stored or answered.
    """
    project = means.champion.project
    tracked = isinstance(body, dict) and body.get("type") == "track" and "events" not in body
    envelope = asking.Envelope(project, {"events": [body]} if tracked else body, KEYS)
    source = envelope.values.text(envelope.held, "source", ()) or ""
    people = _people(envelope, means)
    envelope.check()
    try:
        arrived, unknown, notes = _arrived(
            project, envelope.held.get("events", []), means.settings.most_events
        )
    except BadValuesError as error:
        raise asking.moved(error, "/events/0", "") if tracked else error from None
    names = {*(event.lead_id for event in arrived), *(lead.lead_id for lead in people)}
    if len(names) > means.settings.most_leads:
        envelope.mistakes.stop(
            ("events",),
            Said(f"events of {len(names):,} leads"),
            f"at most {means.settings.most_leads:,} leads in one call",
            "split them into several calls",
        )
    means.visit.events = len(arrived)
    means.visit.mark("read")
    stored = _stored(means, people, arrived, source, "" if tracked else "/events")
    means.visit.mark("store")
    told = _scored(means, stored, is_news=stored.new > 0 or bool(people)) if stored.lead_ids else []
    became = {"new": stored.new, "repeated": stored.repeated, "erased": stored.erased}
    means.visit.unknown_kinds = unknown
    means.visit.became = {**became, "contradicting": len(stored.contradicting)}
    place = "" if tracked else "/events/{}"
    return {
        **telling.heading(means, means.now),
        "events": {**became, "contradicting": [place.format(n) for n in stored.contradicting]},
        "leads": told,
        "unknown_kinds": unknown,
        "notes": notes,
    }


def _arrived(project: Project, items: object, most: int) -> tuple[list[Happened], dict[str, int], list[str]]:
    """All events, those of unknown kinds too: a vocabulary that learns the kinds later finds them in the store."""
    arrived = read_events(project, items, most_events=most)
    unknown = arrived.unknown_kinds
    if unknown:
        more = {kind: Kind(behaviour="unknown", scored=False) for kind in unknown}
        wider = project.model_copy(update={"vocabulary": {**project.vocabulary, **more}})
        arrived = read_events(wider, items, most_events=most)
    near = {kind: nearest(slug(kind), project.vocabulary) for kind in unknown}
    hints = [f"{kind!a} is no known kind{hint}" for kind, hint in near.items() if hint]
    return list(arrived.events), unknown, hints[:10]


def _people(envelope: asking.Envelope, means: Means) -> list[Lead]:
    """The records of leads; attributes that the project lacks are refused, since a misspelt one would be lost."""
    if "leads" not in envelope.held:
        return []
    values, known = envelope.values, means.champion.project.attributes
    people = []
    for n, item in enumerate(envelope.items("leads", means.settings.most_leads)):
        at = ("leads", n)
        held = values.object(item, at)
        for key in held.keys() - set(RECORD):
            hint = nearest(key, RECORD).removeprefix("; ") or "leave it out"
            envelope.mistakes.add(
                (*at, key), Said("a key that is not read"), f"some of {', '.join(RECORD)}", hint
            )
        given = (
            values.object(held["attributes"], (*at, "attributes"))
            if held.get("attributes") is not None
            else {}
        )
        for name in given.keys() - known.keys():
            hint = nearest(name, known).removeprefix("; ") or "leave it out"
            expected = "an attribute of the project"
            envelope.mistakes.add((*at, "attributes", name), Said("an unknown attribute"), expected, hint)
        created = values.instant(held, "created_at", at)
        people.append(
            Lead(
                lead_id=values.id(held, "lead_id", at, required=True) or "",
                created_at=None if created == NEVER else created,
                account_id=values.id(held, "account_id", at),
                attributes={
                    name: (values.number if known[name].type == "number" else values.level)(
                        given, name, (*at, "attributes")
                    )
                    for name in given.keys() & known.keys()
                },
            )
        )
    return people


def _stored(
    means: Means, people: Sequence[Lead], arrived: Sequence[Happened], source: str, within: str
) -> Ingested:
    rows = [
        Event(
            lead_id=event.lead_id or "",
            occurred_at=event.occurred,
            kind=event.kind,
            value=event.value,
            asset=event.asset,
            event_id=event.event_id,
            source=source,
            recorded_at=event.recorded,
        )
        for event in arrived
    ]
    try:
        return means.kept.store.ingest(people, rows, means.now, means.champion.project.vocabulary)
    except BadRow as error:
        problem, _, expected = str(error).partition("; expected ")
        table = within if error.table == "events" else f"/{error.table}"
        where = f"{table}/{error.row}/{error.column.replace('.', '/')}" if table else f"/{error.column}"
        mistake = Mistake(where, problem.partition(" ")[2], expected, "correct it")
        raise bad_values([mistake]) from None


def _scored(means: Means, stored: Ingested, is_news: bool) -> list[dict[str, Any]]:
    """The leads' new scores and what changed since they were last told, or by this batch where they never were."""
    ids = list(stored.lead_ids)
    before = means.kept.store.latest(ids)
    found = asking.read(means, [{"lead_id": one} for one in ids])
    told = telling.score(means, found.timelines, found.lead, means.now)
    if is_news:
        means.kept.store.save_scores([Score.of(answer) for answer in told.answers], means.now)
    for version in {score.model for score in before.values()} | {""}:
        rows = [n for n, one in enumerate(ids) if (before[one].model if one in before else "") == version]
        if rows:
            since = [min(before[ids[n]].as_of, means.now) if version else means.now - 1 for n in rows]
            moved = change(means, found.timelines, found.lead[rows], np.array(since), means.now, version)
            for row, n in enumerate(rows):
                told.leads[n]["changed"] = changed(moved, row)
    means.visit.mark("change")
    return told.leads
