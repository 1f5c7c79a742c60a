"""The catalogue of a training: vocabulary, what training rows showed, pairs and attribute columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lead_readiness.features import attributes as att
from lead_readiness.features.attributes import Matrix
from lead_readiness.features.catalogue import Catalogue, event_features, groups
from lead_readiness.features.families import distinct
from lead_readiness.features.pairs import select
from lead_readiness.project import Project
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import Timelines


def build(project: Project, timelines: Timelines, rows: Snapshots, seed: int) -> tuple[Catalogue, Matrix]:
    """The catalogue that training rows give, and all leads' attribute columns as training needs them.

    Everything fitted here (which kinds occur, which pairs tell, levels, medians and win rates) looks at the
    training rows' leads only, and at events visible at the last of the rows. In the returned matrix the training
    leads' win rates are cross-fitted; hand it to `compute` for training rows, and nothing for any other.
    """
    won_row = rows.label == POSITIVE
    leads = np.unique(rows.lead)
    last = rows.as_of.max(initial=0)
    seen = np.isin(timelines.owner, leads) & (timelines.time < last) & (timelines.recorded <= last)
    counts = dict(
        zip(project.kinds, np.bincount(timelines.kind[seen], minlength=len(project.kinds)).tolist())
    )
    valued = np.unique(timelines.kind[seen & ~np.isnan(timelines.value)])
    features = event_features(project, counts, [project.kinds[k] for k in valued], timelines.accounts_known)
    features += select(project, counts, timelines, rows.lead, rows.as_of, won_row)
    won = np.zeros(len(timelines), bool)
    won[rows.lead[won_row]] = True
    columns, matrix = att.fit(project, timelines, leads, won[leads], seed)
    columns = replace(columns, features=distinct(columns.features, taken=(f.name for f in features)))
    activity = groups(project, counts)[0].kinds
    return Catalogue(features, columns, project.kinds, activity), matrix
