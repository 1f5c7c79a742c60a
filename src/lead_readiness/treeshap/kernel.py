"""Looking rows up in the tables: plain loops, compiled, each row's sums in the same order however it is called."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Places = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

BLOCK = 128
"""Rows looked up together: what is kept of them stays in a processor's own cache."""


@njit(cache=True, nogil=True)
def explain_few(
    question_start: Places,
    question_threshold: Values,
    question_group: Places,
    question_stride: npt.NDArray[np.uint16],
    term_start: Places,
    term_feature: Places,
    table_start: Places,
    terms: Floats,
    rows: Values,
    phi: Floats,
) -> bool:
    """Writes the Shapley values of each row to the same row of ``phi``; made for a handful of rows.

    Whether some value was NaN.
    """
    missing = False
    places = np.empty(len(table_start), np.uint16)
    for r in range(rows.shape[0]):
        row, sums = rows[r], phi[r]
        places[:] = 0
        for c in range(len(row)):
            value = row[c]
            missing |= np.isnan(value)
            q, end = question_start[c], question_start[c + 1]
            while q < end and value > question_threshold[q]:
                places[question_group[q]] += question_stride[q]
                q += np.uint32(1)
        sums[:] = 0.0
        for g in range(len(places)):
            place = np.uint64(table_start[g]) + np.uint64(places[g])
            for term in range(term_start[g], term_start[g + 1]):
                sums[term_feature[term]] += terms[place]
                place += np.uint64(1)
    return missing


@njit(cache=True, nogil=True)
def explain_many(
    question_start: Places,
    question_threshold: Values,
    question_group: Places,
    question_stride: npt.NDArray[np.uint16],
    term_start: Places,
    term_feature: Places,
    table_start: Places,
    terms: Floats,
    rows: Values,
    phi: Floats,
) -> bool:
    """The same numbers to the last bit, feature by feature over blocks of rows; made for many rows."""
    missing = False
    features = rows.shape[1]
    values = np.empty(BLOCK, np.float32)
    sums = np.empty((features, BLOCK), np.float64)
    places = np.empty((len(table_start), BLOCK), np.uint16)
    for begin in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - begin)
        places[:] = 0
        for c in range(features):
            for r in range(n):
                values[r] = rows[begin + r, c]
                missing |= np.isnan(values[r])
            for q in range(question_start[c], question_start[c + 1]):
                place = places[question_group[q]]
                threshold, stride = question_threshold[q], question_stride[q]
                for r in range(n):
                    place[r] += stride if values[r] > threshold else np.uint16(0)
        sums[:] = 0.0
        for g in range(len(places)):
            start, place = np.uint64(table_start[g]), places[g]
            for term in range(term_start[g], term_start[g + 1]):
                total, answers = sums[term_feature[term]], terms[start:]
                start += np.uint64(1)
                for r in range(n):
                    total[r] += answers[place[r]]
        for r in range(n):
            for c in range(features):
                phi[begin + r, c] = sums[c, r]
    return missing
