# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Choosing among overlapping boxes ``(y1, x1, y2, x2)``. How many are left depends on values, so they must be known."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np

from reinstate.graph.rules import Static, ints, op, require


def overlap(one: Any, other: Any) -> float:
    """Intersection over union; corners may come in any order."""
    low_a, low_b = (np.minimum(box[:2], box[2:]) for box in (one, other))
    high_a, high_b = (np.maximum(box[:2], box[2:]) for box in (one, other))
    areas = float(np.prod(high_a - low_a)), float(np.prod(high_b - low_b))
    if min(areas) <= 0:
        return 0.0
    shared = float(np.prod(np.maximum(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 0)))
    return shared / (sum(areas) - shared)


def _chosen(
    boxes: Any, scores: Any, most: int, iou: float, least: float, sigma: float
) -> tuple[list[int], list[float]]:
    """The best boxes; one that overlaps a better one is left out, or with ``sigma`` loses some of its score.

    As TensorFlow does it: a score is brought up to date only when its box is the best of those that are left.
    """
    require(
        boxes.ndim == 2 and boxes.shape[1] == 4 and scores.shape == boxes.shape[:1], f"{boxes.shape}, {scores.shape}"
    )
    scale = -0.5 / sigma if sigma > 0 else 0.0
    queue = [(-float(score), i, 0) for i, score in enumerate(scores) if score > least]
    heapq.heapify(queue)
    chosen: list[int] = []
    kept: list[float] = []
    while queue and len(chosen) < most:
        negative, i, seen = heapq.heappop(queue)
        score, dropped = -negative, False
        for j in reversed(range(seen, len(chosen))):
            similar = overlap(boxes[i], boxes[chosen[j]])
            dropped = similar > iou if sigma <= 0 else False
            score *= math.exp(scale * similar * similar)
            if dropped or score <= least:
                break
        if dropped:
            continue
        if score == -negative:
            chosen.append(i)
            kept.append(score)
        elif score > least:
            heapq.heappush(queue, (-score, i, len(chosen)))
    return chosen, kept


def _padded(chosen: list[int], most: int, pad: bool) -> tuple[Any, Any]:
    room = [0] * (most - len(chosen)) if pad else []
    return np.array(chosen + room, np.int32), np.array(len(chosen), np.int32)


@op("NonMaxSuppression", raw=True)
def non_max_suppression(boxes: Static, scores: Static, max_output_size: Static, *, iou_threshold):
    chosen, _ = _chosen(boxes, scores, ints(max_output_size)[0], iou_threshold, -math.inf, 0)
    return np.array(chosen, np.int32)


@op("NonMaxSuppressionV2", raw=True)
def non_max_suppression_v2(boxes: Static, scores: Static, max_output_size: Static, iou_threshold: Static):
    chosen, _ = _chosen(boxes, scores, ints(max_output_size)[0], float(iou_threshold), -math.inf, 0)
    return np.array(chosen, np.int32)


@op("NonMaxSuppressionV3", raw=True)
def non_max_suppression_v3(
    boxes: Static, scores: Static, max_output_size: Static, iou_threshold: Static, score_threshold: Static
):
    (most,) = ints(max_output_size)
    chosen, _ = _chosen(boxes, scores, most, float(iou_threshold), float(score_threshold), 0)
    return np.array(chosen, np.int32)


@op("NonMaxSuppressionV4", raw=True)
def non_max_suppression_v4(
    boxes: Static,
    scores: Static,
    max_output_size: Static,
    iou_threshold: Static,
    score_threshold: Static,
    *,
    pad_to_max_output_size,
):
    (most,) = ints(max_output_size)
    chosen, _ = _chosen(boxes, scores, most, float(iou_threshold), float(score_threshold), 0)
    return _padded(chosen, most, pad_to_max_output_size)


@op("NonMaxSuppressionV5", raw=True)
def non_max_suppression_v5(
    boxes: Static,
    scores: Static,
    max_output_size: Static,
    iou_threshold: Static,
    score_threshold: Static,
    soft_nms_sigma: Static,
    *,
    pad_to_max_output_size,
):
    (most,) = ints(max_output_size)
    limits = float(iou_threshold), float(score_threshold), float(soft_nms_sigma)
    chosen, kept = _chosen(boxes, scores, most, *limits)
    indices, count = _padded(chosen, most, pad_to_max_output_size)
    return indices, np.array(kept + [0.0] * (len(indices) - len(kept)), scores.dtype), count
