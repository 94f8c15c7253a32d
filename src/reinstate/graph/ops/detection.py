# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
"""The best boxes of all classes: what detectors end with, on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from reinstate.graph.rules import Static, check_size, ints, op, require


def _kept(boxes: Any, scores: Any, most: int, overlap: float, least: float) -> list[int]:
    """The places of the boxes of a class that do not overlap a better one too much, best first."""
    order = [i for i in np.argsort(-scores, kind="stable").tolist() if scores[i] > least]
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    areas = np.prod(high - low, axis=1)
    kept: list[int] = []
    for i in order:
        if len(kept) == most:
            break
        sides = np.maximum(np.minimum(high[kept], high[i]) - np.maximum(low[kept], low[i]), 0)
        common = np.prod(sides, axis=1)
        whole = areas[kept] + areas[i] - common
        shares = np.divide(common, whole, out=np.zeros_like(common), where=(areas[kept] > 0) & (areas[i] > 0))
        if not (shares > overlap).any():
            kept.append(i)
    return kept


@op("CombinedNonMaxSuppression", raw=True)
def combined_non_max_suppression(
    boxes: Static,
    scores: Static,
    max_output_size_per_class: Static,
    max_total_size: Static,
    iou_threshold: Static,
    score_threshold: Static,
    *,
    pad_per_class,
    clip_boxes,
):
    """``boxes`` is (batch, boxes, 1 or classes, 4), ``scores`` (batch, boxes, classes)."""
    (each,), (total,) = ints(max_output_size_per_class), ints(max_total_size)
    batch, _, classes = scores.shape
    shared = boxes.shape[2] == 1
    require(boxes.shape[:2] == scores.shape[:2] and boxes.shape[2] in (1, classes), "boxes that do not fit the scores")
    size = min(total, each * classes) if pad_per_class else total
    check_size((batch, size, 4))
    found, values = np.zeros((batch, size, 4), np.float32), np.zeros((batch, size), np.float32)
    labels, valid = np.zeros((batch, size), np.float32), np.zeros(batch, np.int32)
    for number in range(batch):
        picked: list[tuple[Any, int, int]] = []
        for label in range(classes):
            mine, points = boxes[number, :, 0 if shared else label], scores[number, :, label]
            kept = _kept(mine, points, each, float(iou_threshold), float(score_threshold))
            picked += [(points[i], label, i) for i in kept]
        picked = sorted(picked, key=lambda item: -item[0])[:size]
        valid[number] = len(picked)
        for place, (value, label, i) in enumerate(picked):
            box = boxes[number, i, 0 if shared else label]
            found[number, place] = np.clip(box, 0, 1) if clip_boxes else box
            values[number, place], labels[number, place] = value, label
    return found, values, labels, valid
