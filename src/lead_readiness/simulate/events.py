"""What people do: their visits, mails and webinars, and how the records of them come late, twice or from machines.

Every event carries, besides what the company's files show, the day from which it is known and the vector of
log-likelihoods over the states that the truth reads it with (``-1``: it says nothing about intent).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lead_readiness.simulate import company
from lead_readiness.simulate.company import BEHAVIOURS, CHANNELS, Floats
from lead_readiness.simulate.history import NO_DAY, Days, History, pick_rows
from lead_readiness.timelines import DAY

SECOND, HOUR = 1_000_000, 3_600_000_000
BLOCK = 2_000
"""People drawn at a time; a part of the seed's meaning, so never tuned to a machine."""
UNREADABLE = -1
ONCE = tuple(c for c, channel in enumerate(CHANNELS) if channel.once)
KINDS = (
    *dict.fromkeys(channel.kind for channel in CHANNELS), "webinar_attended", "email_sent", "email_open",
    "email_click", "unsubscribe", "complaint", "email_bounce", "sales_call", "sales_email",
)  # fmt: skip
EMAIL, WEBINAR, HANDOFF = (BEHAVIOURS.index(name) for name in ("email", "webinar", "handoff"))

# Where the log-likelihood vectors of each sort of observation begin.
MAILS_AT = len(CHANNELS)
ATTENDED_AT = MAILS_AT + len(company.MAIL)
REVIEWS_AT = ATTENDED_AT + 2
SOURCES_AT = REVIEWS_AT + len(company.REVIEW)


def vectors() -> Floats:
    """The log-likelihood vector over the 7 states of every sort of observation; -inf where it is impossible."""
    attended = np.stack([1 - company.ATTENDS, company.ATTENDS])
    by_state = [
        np.array([channel.rates for channel in CHANNELS]), company.MAIL_OUTCOME.T, attended,
        company.REVIEW_OUTCOME.T, company.SOURCE.T,
    ]  # fmt: skip
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.concatenate(by_state)), dtype=np.float64)


@dataclass
class Log:
    """Growing columns: the events, and the observations that the truth is made of."""

    events: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    seen: list[tuple[Days, Days, Days, Days, Days]] = field(default_factory=list)

    def add(
        self, person: Days, at: Days, kind: str, asset: npt.NDArray[np.object_] | str = "", **more: object
    ) -> None:
        """Add events; ``recorded`` (microseconds, 0: at once) and ``value`` may be given."""
        n = len(person)
        columns = {"person": person, "at": at, "kind": np.full(n, KINDS.index(kind))}
        columns["asset"] = np.full(n, asset, dtype=object) if isinstance(asset, str) else asset
        columns["recorded"] = np.asarray(more.get("recorded", np.zeros(n, np.int64)))
        columns["value"] = np.asarray(more.get("value", np.full(n, np.nan)))
        self.events.append(columns)

    def see(self, person: Days, day: Days, known: Days, behaviour: int | Days, vector: int | Days) -> None:
        """Add observations: of whom, on which day, known from which midnight on, read with which vector."""
        n = len(person)
        self.seen.append((person, day, known, np.broadcast_to(behaviour, n), np.broadcast_to(vector, n)))

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """All events as columns, in the order in which they were added."""
        return {name: np.concatenate([block[name] for block in self.events]) for name in self.events[0]}

    def observations(self) -> tuple[Days, ...]:
        """All observations as (person, day, known, behaviour, vector)."""
        return tuple(np.concatenate(part).astype(np.int64) for part in zip(*self.seen))


def draw(history: History, rng: np.random.Generator) -> tuple[Log, Days]:
    """Everything that people and machines do, and per person and `ONCE` channel its day (``NO_DAY``: never)."""
    log = Log()
    done = np.full((len(history.account), len(ONCE)), NO_DAY)
    signups = []
    busy = company.rhythm(history.days)
    for people in _blocks(len(history.account)):
        signups.append(_visits(history, people, busy, log, done, rng))
    _first_events(history, log)
    person, day = (np.concatenate(column) for column in zip(*signups))
    _webinars(history, person, day, log, rng)
    _mails(history, done[:, ONCE.index(_channel("newsletter_signup"))], log, rng)
    _bot(history, log, rng)
    return log, done


def _channel(kind: str) -> int:
    return next(c for c, channel in enumerate(CHANNELS) if channel.kind == kind)


def _blocks(n: int) -> Iterator[Days]:
    for begin in range(0, n, BLOCK):
        yield np.arange(begin, min(begin + BLOCK, n))


def _visits(
    history: History, people: Days, busy: Floats, log: Log, done: Days, rng: np.random.Generator
) -> tuple[Days, Days]:
    """Draw every channel of some people; their webinar sign-ups are returned as (person, day)."""
    rate = company.rates()
    state = history.path[history.account[people]].astype(np.int64)
    alive = (state >= 0) & (np.arange(history.days) >= history.first_seen[people][:, None])
    state = np.maximum(state, 0)
    total = rate.sum(axis=1)[history.seniority[people][:, None], state] * busy * alive
    count = rng.poisson(total)
    row, day = np.nonzero(count)
    times = count[row, day]
    row, day = np.repeat(row, times), np.repeat(day, times)
    person = people[row]
    mix = rate[history.seniority[person], :, state[row, day]]
    channel = (
        np.cumsum(mix, axis=1)[:, :-1] <= rng.random(len(mix))[:, None] * mix.sum(axis=1)[:, None]
    ).sum(axis=1)
    at = _moments(person, day, rng)
    fresh = _first_days(person, day, channel, done)
    person, day, channel, at = person[fresh], day[fresh], channel[fresh], at[fresh]
    recorded = _recorded(history, person, day, channel, at, rng)
    known = np.maximum(recorded, at) // DAY + 1
    behaviour = np.array([BEHAVIOURS.index(c.behaviour) for c in CHANNELS])[channel]
    log.see(person, day, known, behaviour, channel)
    place = rng.random(len(person))
    for c, what in enumerate(CHANNELS):
        of = channel == c
        names = np.array(what.assets or ("",), dtype=object)
        asset = names[(place[of] ** 1.5 * len(names)).astype(int)]
        log.add(person[of], at[of], what.kind, asset, recorded=recorded[of])
    signed = channel == _channel("webinar_signup")
    return person[signed], day[signed]


def _moments(person: Days, day: Days, rng: np.random.Generator) -> Days:
    """When the events of each person's day happen: one visit, begun in waking hours, one page after another."""
    begins = (
        np.append(True, (person[1:] != person[:-1]) | (day[1:] != day[:-1]))
        if len(person)
        else np.zeros(0, bool)
    )
    visit = np.cumsum(begins) - 1
    hours = np.array([1, 3, 6, 9, 10, 9, 6, 8, 9, 8, 6, 4, 3, 3, 2], dtype=float)
    n = int(begins.sum())
    hour = 6 + np.searchsorted(np.cumsum(hours / hours.sum())[:-1], rng.random(n), side="right")
    start = hour * 3600 + rng.integers(0, 3600, n)
    pauses = np.where(begins, 0, 5 + rng.exponential(80, len(person))).astype(np.int64)
    elapsed = np.cumsum(pauses)
    second = np.minimum(start[visit] + elapsed - elapsed[begins][visit], 24 * 3600 - 1)
    return np.asarray(day * DAY + second * SECOND, dtype=np.int64)


def _first_days(person: Days, day: Days, channel: Days, done: Days) -> npt.NDArray[np.bool_]:
    """Whether each event stands: those of a `once` channel do on the first day on which there is one."""
    fresh = np.ones(len(person), bool)
    for k, c in enumerate(ONCE):
        of = np.flatnonzero(channel == c)
        np.minimum.at(done[:, k], person[of], day[of])
        fresh[of] = day[of] == done[person[of], k]
    return fresh


def _recorded(
    history: History, person: Days, day: Days, channel: Days, at: Days, rng: np.random.Generator
) -> Days:
    """When events get recorded (0: at once): some by a nightly file, those without a name at the person's creation."""
    late = np.array([channel.late for channel in CHANNELS])[channel] & (
        rng.random(len(person)) < company.LATE_SHARE
    )
    nights = 1 + np.searchsorted(np.cumsum(company.LATE_NIGHTS)[:-1], rng.random(len(person)), side="right")
    by_file = (day + nights) * DAY + 2 * HOUR + rng.integers(0, 5400, len(person)) * SECOND
    recorded = np.where(late, by_file, 0)
    named = history.created_at[person]
    return np.asarray(np.where(at < named, np.maximum(recorded, named), recorded), dtype=np.int64)


def _first_events(history: History, log: Log) -> None:
    """The form or download with which some sources come."""
    person = np.arange(len(history.account))
    log.see(person, history.created, history.created + 1, UNREADABLE, SOURCES_AT + history.source)
    for source, kind in company.FIRST_EVENT.items():
        of = person[history.source == company.SOURCES.index(source)]
        log.add(of, history.created_at[of], kind, CHANNELS[_channel(kind)].assets[0])


def _webinars(history: History, person: Days, day: Days, log: Log, rng: np.random.Generator) -> None:
    """Who attends the webinars they signed up for: one every other Thursday, its list read in the next night."""
    first = 8  # Thursday 9 January 2025
    next_one = first + (day - first) // 14 * 14 + 14
    person, when = np.unique(np.stack([person, np.maximum(next_one, first)]), axis=1)
    state = history.path[history.account[person], np.minimum(when, history.days - 1)].astype(np.int64)
    held = (when < history.days) & (when >= history.created[person])
    person, when, state = person[held], when[held], state[held]
    came = rng.random(len(person)) < company.ATTENDS[state]
    log.see(person, when, when + 2, WEBINAR, ATTENDED_AT + came)
    person, when = person[came], when[came]
    at = when * DAY + 14 * HOUR + rng.integers(0, 900, len(person)) * SECOND
    recorded = (when + 1) * DAY + 2 * HOUR + 600 * SECOND
    minutes = np.rint(rng.uniform(10, 60, len(person)))
    log.add(person, at, "webinar_attended", "webinar", recorded=recorded, value=minutes)


def _mails(history: History, subscribed: Days, log: Log, rng: np.random.Generator) -> None:
    """Campaigns every fourth Tuesday to all who consented, newsletters every other Wednesday to subscribers."""
    stopped = ~history.consent
    for day in range(history.days):
        campaign, letter = day % 28 == 20, day % 14 == 7
        if not (campaign or letter):
            continue
        state = history.path[history.account, day].astype(np.int64)
        to = np.flatnonzero(~stopped & (history.created < day) & (campaign | (subscribed < day)))
        at = day * DAY + 9 * HOUR + rng.integers(0, 1800, len(to)) * SECOND
        name = company.CAMPAIGNS[day // 28 % len(company.CAMPAIGNS)] if campaign else "newsletter"
        log.add(to, at, "email_sent", name)
        bounced = history.bad_address[to]
        log.add(to[bounced], at[bounced] + 20 * SECOND, "email_bounce", name)
        stopped[to[bounced]] = True
        to, at = to[~bounced], at[~bounced]
        outcome = _mail(history, to, at, state, name, log, rng)
        log.see(to, np.full(len(to), day), np.full(len(to), day + 1), EMAIL, MAILS_AT + outcome)
        stopped[to[outcome >= company.MAIL.index("unsubscribed")]] = True


def _mail(
    history: History, to: Days, at: Days, state: Days, name: str, log: Log, rng: np.random.Generator
) -> Days:
    """What becomes of one mailing; some companies' gateways open every mail within seconds."""
    machine = history.mail_gateway[history.account[to]]
    log.add(to[machine], at[machine] + rng.integers(2, 20, int(machine.sum())) * SECOND, "email_open", name)
    outcome = pick_rows(rng, company.MAIL_OUTCOME[state[to]])
    opened = at + rng.integers(180, 9 * 3600, len(to)) * SECOND
    then = opened + rng.integers(5, 90, len(to)) * SECOND
    for kind, of in (
        ("email_open", (outcome == 1) | (outcome == 2)),
        ("email_click", outcome == 2),
        ("unsubscribe", outcome == 3),
        ("complaint", outcome == 4),
    ):
        log.add(to[of], (opened if kind == "email_open" else then)[of], kind, name)
    return outcome


def _bot(history: History, log: Log, rng: np.random.Generator) -> None:
    """A crawler with some people's cookies: in a few minutes before dawn, when no person reads, hundreds of pages."""
    n = len(history.account)
    for person in np.sort(rng.choice(n, size=max(1, n // 500), replace=False)):
        day = int(rng.integers(history.created[person] + 1, history.days + 1))
        pages = int(rng.integers(120, 320))
        if day >= history.days:
            continue
        at = day * DAY + 3 * HOUR + np.cumsum(rng.integers(0, 3, pages)) * SECOND
        names = np.array(
            [asset for c in CHANNELS if c.kind == "page_view" for asset in c.assets], dtype=object
        )
        log.add(np.full(pages, person), at, "page_view", names[rng.integers(0, len(names), pages)])
