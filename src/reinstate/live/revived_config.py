"""Where a config names what cannot be built, and the file has functions for it: the config says to revive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reinstate.archive.model import Archive
from reinstate.archive.serialized import layer_name, settings, sublayers
from reinstate.live.revival import REVIVED, Revival

Reason = Callable[[Mapping[str, Any]], str | None]  # why an item of a config cannot be built; None where it can
_DEEPEST = 100


def marked(
    archive: Archive, config: Mapping[str, Any], revival: Revival, reason: Reason, node: int = 0
) -> dict[str, Any]:
    """The config of the model, or of the layer of a node, in it layers to be revived for those that cannot be built.

    Layers that were saved without functions stay, and so does a model all of whose layers can be built.
    """
    return _Marking(archive, revival, reason).item(dict(config), node, 0)


class _Marking:
    def __init__(self, archive: Archive, revival: Revival, reason: Reason) -> None:
        self.archive, self.revival, self.reason = archive, revival, reason

    def item(self, item: dict[str, Any], node: int | None, depth: int) -> dict[str, Any]:
        """One layer or model, of a node; None where the file has none for it."""
        if node is None or depth > _DEEPEST:
            return item
        if sublayers(item):
            inside = self._model(item, node, depth)
            if self.reason(inside) is None:
                return inside
        if self.reason(item) is None or not self.revival.is_callable(node):
            return item
        return {**item, "class_name": REVIVED, "config": {"name": layer_name(item) or None, "node": node}}

    def _model(self, item: dict[str, Any], node: int, depth: int) -> dict[str, Any]:
        by_name = self._by_name(node)
        layers = [self.item(dict(layer), by_name.get(layer_name(layer)), depth + 1) for layer in sublayers(item)]
        inner = item["config"]
        return {**item, "config": {**settings(item), "layers": layers} if isinstance(inner, Mapping) else layers}

    def _by_name(self, node: int) -> dict[str, int]:
        """The nodes of a model's layers by their names."""
        nodes = self.archive.nodes
        return {
            str(metadata["name"]): child
            for edge, child in nodes[node].children.items()
            if edge.startswith("layer") and (metadata := nodes[child].metadata) is not None and "name" in metadata
        }
