"""BPI Challenge 2012: which offers get accepted, declined or cancelled, told after each event of an application.

The published protocol (Teinemaa, Dumas, La Rosa and Maggi 2019): applications with a decided offer, by their first
event; the first 80 % teach, from the events before the first event of the rest; one row after each of an
application's first 40 events, that event included; one class against the others; ROC AUC over all test rows. Some 8 %
of those rows lie at or after the decision, so *honest* is the same with events before the decision alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.measure import Measure
from lead_readiness import project as projects
from lead_readiness import rules, snapshots, tables, timelines
from lead_readiness.project import Label, ProjectFile
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import LOST, NEVER, WON, Timelines
from training import dataset, metrics
from training.bootstrap import interval as within
from training.bootstrap import redrawn
from training.dataset import Dataset
from training.fit import fit
from training.judgement import judge

Say = Callable[[str], None]
HERE = Path(__file__).parent
CLASSES = {
    "accepted": "O_ACCEPTED-COMPLETE",
    "declined": "O_DECLINED-COMPLETE",
    "cancelled": "O_CANCELLED-COMPLETE",
}
BEST = {"accepted": 0.70, "declined": 0.61, "cancelled": 0.70}
"""The best of five published methods, of each class."""
GOALS = {
    "published": {"accepted": 0.73, "declined": 0.62, "cancelled": 0.74},
    "honest": {"accepted": 0.68, "declined": 0.545, "cancelled": 0.70},
}
TRAIN_SHARE, LONGEST_PREFIX = 0.8, 40
QUICK_SHARE = 0.05
DRAWS, SEED = 2000, 0


@dataclass(frozen=True)
class Prefixes(Dataset):
    """A data set whose rows lie after each of a lead's first events, whatever was known of its outcome by then.

    That labels decided after the cut may teach is the published protocol's; a training of ours forbids it.
    """

    def rows(self, cut: int, accounts: npt.NDArray[np.bool_], seed: int) -> tuple[Snapshots, Timelines]:
        """Rows of the chosen leads up to ``cut``, each lead weighing 1, and the timelines.

        All of a lead's rows teach, as in the published protocol; a long history is no more evidence than a short one.
        """
        found, known = self.prefixes(), self.timelines
        past = found[accounts[known.account[found.lead]] & (found.as_of <= cut)]
        return replace(past, weight=1 / np.bincount(past.lead)[past.lead]), known

    def prefixes(self) -> Snapshots:
        """One row after each of every lead's first `LONGEST_PREFIX` events, by lead and time."""
        found = snapshots.after_events(self.timelines, self.project, self.horizon)
        begins = np.searchsorted(found.lead, found.lead)
        return found[np.arange(len(found)) - begins < LONGEST_PREFIX]


@dataclass(frozen=True)
class Split:
    """The leads that teach, the moment at which they stop, and the class of every lead, in the timelines' order."""

    teaches: npt.NDArray[np.bool_]
    cut: int
    outcome: npt.NDArray[np.object_]


def measure(folder: Path, quick: bool, say: Say) -> list[Measure]:
    """ROC AUC of every class by both protocols, and of wins as a training judges them, with 95 % intervals.

    A quick look takes a part of the leads, and leaves out what a training does.
    """
    found: list[Measure] = []
    events, leads = read(folder, QUICK_SHARE if quick else 1.0)
    for protocol, goals in GOALS.items():
        data, split = prepared(events, leads, honest=protocol == "honest")
        for name, goal in goals.items():
            say(f"bpic2012, {protocol}: {name}")
            won, said, lead = predicted(of_class(data, split, name), split, SEED)
            value, low, high = interval(won, said, lead)
            aim = f">= {goal}"
            aim += f" (published {BEST[name]:.2f})" if protocol == "published" else ""
            reached = None if quick else value >= goal
            found.append(Measure(f"bpic2012 {protocol}: {name}", value, "ROC AUC", low, high, aim, reached))
    return found if quick else found + product(folder, say)


def product(folder: Path, say: Say) -> list[Measure]:
    """ROC AUC of "won within 14 days" on the daily grid: all leads, every scorer without their time and account.

    What `lead-readiness train` judges by, for the model, its voices and the rules.
    """
    os.environ["BPIC2012"] = str(folder.resolve())
    data = dataset.load(HERE / "readiness.toml")
    trial = judge.trial(data, SEED, lambda step: say(f"bpic2012, product: {step}"))
    known = trial.rows.label >= 0
    won, lead = trial.rows.label[known] == POSITIVE, trial.rows.lead[known]
    found = []
    for name in (judge.MODEL, judge.LINEAR, judge.TREES, judge.RULES):
        value, low, high = interval(won, trial.score[name][known], lead)
        found.append(Measure(f"bpic2012 product: won in 14 days, {name}", value, "ROC AUC", low, high))
    return found


def read(folder: Path, share: float = 1.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and leads of the published benchmark, or of a share of its leads.

    Events of one millisecond are set a microsecond apart, in the log's order, since each makes a row.
    """
    leads = pd.read_csv(folder / "outcomes.csv", dtype={"lead_id": str})
    leads = leads[leads["in_teinemaa_benchmark"]].sort_values("first_event_at", kind="stable")
    leads = leads.iloc[:: round(1 / share)].reset_index(drop=True)
    for column in ("first_event_at", "outcome_at"):
        leads[column] = pd.to_datetime(leads[column], format="ISO8601", utc=True).dt.as_unit("us")
    events = pd.read_csv(folder / "events.csv.gz", dtype={"lead_id": str, "actor": str})
    events = events[events["lead_id"].isin(leads["lead_id"])].sort_values(["lead_id", "seq"])
    at = pd.to_datetime(events["timestamp"], format="ISO8601", utc=True).dt.as_unit("us")
    tied = events.assign(at=at).groupby(["lead_id", "at"]).cumcount()
    return events.assign(occurred_at=at + pd.to_timedelta(tied, unit="us")), leads


def prepared(events: pd.DataFrame, leads: pd.DataFrame, honest: bool) -> tuple[Prefixes, Split]:
    """The company of a protocol, its outcomes still to be set by `of_class`, and its split.

    Every kind counts as the applicant's and has no direction: the classes are told from all that the log holds.
    """
    project = _project()
    last = events.groupby("lead_id")["occurred_at"].max()
    decided = leads["outcome_at"] if honest else leads["lead_id"].map(last) + pd.Timedelta(seconds=1)
    people = pd.DataFrame(
        {
            "lead_id": leads["lead_id"],
            "created_at": leads["first_event_at"],
            "amount": leads["amount_requested"].astype(float),
        }
    )
    outcomes = pd.DataFrame({"lead_id": leads["lead_id"], "outcome": "lost", "decided_at": decided})
    log = events.rename(columns={"event_type": "kind"})[["lead_id", "occurred_at", "kind"]]
    if honest:
        before = log["lead_id"].map(leads.set_index("lead_id")["outcome_at"])
        log = log[log["occurred_at"] < before]
    known = timelines.build(tables.validate(project, people, log, outcomes), project)
    horizon, days = snapshots.horizons(known, project)
    data = Prefixes(
        project, rules.load(HERE / project.rules, project), known, (), horizon, days, np.empty(0, np.int64)
    )
    return data, _split(known, leads)


def _project() -> ProjectFile:
    project = projects.load(HERE / "readiness.toml")
    plain = {"actor": "buyer", "direction": "none"}
    vocabulary = {kind: meaning.model_copy(update=plain) for kind, meaning in project.vocabulary.items()}
    label = Label(horizon_days="eventual", gap_days=0)
    return project.model_copy(update={"vocabulary": vocabulary, "label": label})


def _split(known: Timelines, leads: pd.DataFrame) -> Split:
    begun = leads.sort_values("first_event_at", kind="stable").reset_index(drop=True)
    first = int(TRAIN_SHARE * len(begun))
    cut = begun["first_event_at"].iloc[first].value // 1000
    teaches = np.isin(known.lead_ids, begun["lead_id"].to_numpy(object)[:first])
    outcome = pd.Series(known.lead_ids).map(leads.set_index("lead_id")["last_offer_event"])
    return Split(teaches, cut, outcome.to_numpy(object))


def of_class(data: Prefixes, split: Split, name: str) -> Prefixes:
    """The company in which a lead is won when its offer ended as the named class, and lost otherwise."""
    known = data.timelines
    won = split.outcome == CLASSES[name]
    return replace(
        data,
        timelines=replace(
            known,
            outcome=np.where(won, WON, LOST).astype(np.int8),
            opened=np.where(won, known.decided, NEVER),
        ),
    )


def predicted(
    data: Prefixes, split: Split, seed: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Of every test row whether it was won, what a scorer learned from the other leads says, and its lead."""
    scorer = fit(data, split.cut, split.teaches, seed)
    rows = data.prefixes()
    rows = rows[~split.teaches[rows.lead]]
    return rows.label == POSITIVE, scorer.assess(data.timelines, rows.lead, rows.as_of).logit, rows.lead


def interval(
    won: npt.NDArray[np.bool_], said: npt.NDArray[np.float64], lead: npt.NDArray[np.int32]
) -> tuple[float, float, float]:
    """ROC AUC of the rows and its 95 % interval: leads are drawn, each with all of its rows."""
    known, place = np.unique(lead, return_inverse=True)
    order = np.argsort(said, kind="stable")
    won, said, place = won[order], said[order], place[order]
    times = redrawn(len(known), DRAWS, SEED, block=20)
    found = np.concatenate([metrics.roc_auc(won, said, drawn[:, place]) for drawn in times])
    return float(found[0]), *within(found[1:])
