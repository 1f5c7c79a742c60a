"""Looking rows up in the tables: plain loops, compiled, each row's sums in the same order however it is called."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from lead_readiness.treeshap.tables import Tables

BLOCK = 256
"""Rows looked up together, so that a group's table is read while it is in the fastest cache."""


@njit(cache=True, nogil=True)
def explain_few(tables: Tables, rows: npt.NDArray[np.float32], phi: npt.NDArray[np.float64]) -> None:
    """Writes the Shapley values of each row to the same row of ``phi``; made for a handful of rows."""
    phi[:] = 0.0
    for r in range(len(rows)):
        for g in range(len(tables.table_start)):
            place = np.uint64(tables.table_start[g])
            for q in range(tables.question_start[g], tables.question_start[g + 1]):
                exceeds = rows[r, tables.question_feature[q]] > tables.question_threshold[q]
                place += np.uint64(tables.question_stride[q]) * np.uint64(exceeds)
            for term in range(tables.term_start[g], tables.term_start[g + 1]):
                phi[r, tables.term_feature[term]] += tables.terms[place]
                place += np.uint64(1)


@njit(cache=True, nogil=True)
def explain_many(tables: Tables, rows: npt.NDArray[np.float32], phi: npt.NDArray[np.float64]) -> None:
    """The same numbers to the last bit, feature by feature over blocks of rows; made for many rows."""
    features = rows.shape[1]
    values = np.empty((features, BLOCK), np.float32)
    sums = np.empty((features, BLOCK), np.float64)
    places = np.empty(BLOCK, np.uint32)
    for begin in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - begin)
        for r in range(n):
            for c in range(features):
                values[c, r] = rows[begin + r, c]
        sums[:] = 0.0
        for g in range(len(tables.table_start)):
            places[:] = 0
            for q in range(tables.question_start[g], tables.question_start[g + 1]):
                value = values[tables.question_feature[q]]
                threshold, stride = tables.question_threshold[q], tables.question_stride[q]
                for r in range(n):
                    places[r] += stride if value[r] > threshold else np.uint32(0)
            start = np.uint64(tables.table_start[g])
            for term in range(tables.term_start[g], tables.term_start[g + 1]):
                total, answers = sums[tables.term_feature[term]], tables.terms[start:]
                start += np.uint64(1)
                for r in range(n):
                    total[r] += answers[places[r]]
        for r in range(n):
            for c in range(features):
                phi[begin + r, c] = sums[c, r]
