"""What revived layers consist of: their variables, the layers in them, and what else was an attribute.

A layer in a revived layer is the model's own where that has it, made of its config where its class is known, and
revived else. What computes is the outer layer's function; the inner ones share their variables with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from reinstate.archive.model import ObjectNode
from reinstate.archive.model import Variable as StoredVariable
from reinstate.errors import UnsupportedError
from reinstate.live import _keras
from reinstate.live.concrete import PolymorphicFunction
from reinstate.live.module import number
from reinstate.live.placed import Placed
from reinstate.live.rebuilt import Rebuilding
from reinstate.live.revival import BOOKS, LAYERS, Revival, variable_dtype
from reinstate.live.revived import Method, Penalty

_CONTAINERS = frozenset({"trackable_list_wrapper", "trackable_tuple_wrapper", "trackable_dict_wrapper"})
_METRIC = "_tf_keras_metric"
_DEEPEST = 100  # layers in layers


class Parts:
    """Gives the revived layers of one model what belongs to them."""

    def __init__(self, revival: Revival, rebuilding: Rebuilding) -> None:
        self.revival, self.rebuilding = revival, rebuilding
        self.archive = revival.archive
        self.nodes = revival.archive.nodes
        self._layers: dict[int, Any] = {}  # by node: all that stand in revived ones, revived or not
        self._inside: dict[int, list[int]] = {}  # the nodes in the node of a revived layer
        self._depth: dict[int, int] = {}
        self._penalties: set[int] = set()

    def settle(self, placed: Placed) -> None:
        """Give the revived layers their parts.

        ``placed`` has the variables of layers of known classes, and is told of those of revived ones.
        """
        if not self.revival.layers:
            return
        self._layers = {**placed.layers, **self.revival.layers}
        self.revival.variables.update(placed.variables)
        revived = self._all_revived()
        for each in (self._weigh, self._attach, self._freeze):
            for index in revived:
                each(index)
        for index in revived:
            self._sow(index)
        for index, variable in self.revival.variables.items():
            if index not in placed.variables:
                placed.put(variable, index, self.nodes[index], self._stored(index).name)

    def _all_revived(self) -> list[int]:
        """The nodes of all revived layers, those that stand in others found and made."""
        waiting, done = deque(self.revival.layers), dict[int, None]()
        while waiting:
            index = waiting.popleft()
            if index in done:
                continue
            done[index] = None
            for child in self._layers_below(self.nodes[index]):
                self._put_inside(index, child)
            waiting += [each for each in self.revival.layers if each not in done]
        return list(done)

    def _put_inside(self, index: int, child: int) -> None:
        """Have a layer for what stands in a revived one, unless it is one that this stands in itself."""
        depth = self._depth.get(index, 0) + 1
        if depth > _DEEPEST:
            raise UnsupportedError(f"layers stand in each other more than {_DEEPEST} deep")
        if child == index or self._is_above(child, index):
            return
        if child not in self._layers:
            self._layers[child] = self.rebuilding.layer(child) or self.revival.layer(child)
        if not any(each is self.revival.layers[index] for each in _keras.all_layers(self._layers[child])):
            self._inside.setdefault(index, []).append(child)
            self._depth[child] = max(depth, self._depth.get(child, 0))

    def _is_above(self, outer: int, inner: int) -> bool:
        """Whether a layer has another one in it already, at any depth."""
        stack, seen = [outer], {outer}
        while stack:
            inside = self._inside.get(stack.pop(), ())
            if inner in inside:
                return True
            stack += [each for each in inside if each not in seen]
            seen.update(inside)
        return False

    def _layers_below(self, node: ObjectNode) -> Iterator[int]:
        """The layers among the attributes of a node, in lists and dictionaries, too."""
        stack, seen = [node], set[int]()
        while stack:
            owner = stack.pop()
            for name, child in owner.children.items():
                if child in seen or (owner is node and name in BOOKS):
                    continue
                seen.add(child)
                below = self.nodes[child]
                if below.identifier in LAYERS and below.metadata is not None:
                    yield child
                elif below.identifier in _CONTAINERS:
                    stack.append(below)

    # Variables --------------------------------------------------------------------------------------------------------

    def _weigh(self, index: int) -> None:
        """Find, or make, the variables of a revived layer: those it lists, and those its functions are bound to."""
        node, stored = self.nodes[index], self.revival.layers[index].stored
        listed = self._listed(node, "variables") or [
            *self._listed(node, "trainable_variables"),
            *self._listed(node, "non_trainable_variables"),
        ]
        stored.weights = [self._variable(i) for i in listed if i not in self._counted]
        self._regularize(node, stored.weights)
        bound = [i for function in self.revival.functions(node) for i in self._bound(function)]
        stored.states = [self._variable(i) for i in bound if i not in self._weighed]
        self.revival.losses += self._uncounted(index, bound)

    @cached_property
    def _weighed(self) -> frozenset[int]:
        """The variables that some layer lists as its weights; not those of metrics, which tf.keras lists, too."""
        layers = [node for node in self.nodes if node.identifier in LAYERS]
        return frozenset(i for node in layers for i in self._listed(node, "variables")) - self._counted

    @cached_property
    def _counted(self) -> frozenset[int]:
        """The variables of metrics."""
        return frozenset(
            child
            for node in self.nodes
            if node.identifier == _METRIC
            for child in node.children.values()
            if self.nodes[child].variable is not None
        )

    def _uncounted(self, index: int, bound: Sequence[int]) -> list[str]:
        """The metrics that a layer's function counts on, and that Keras does not know of."""
        node = self.nodes[index]
        api = self.archive.child(node, "keras_api", "metrics")
        children = {*node.children.values(), *({} if api is None else api.children).values()}
        metrics = [child for child in sorted(children) if self.nodes[child].identifier == _METRIC]
        return [
            f"metric {(self.nodes[i].metadata or {}).get('name')!r} of {self.revival.layers[index].name!r}: its state "
            "goes on in the layer, but it is not among the model's metrics"
            for i in metrics
            if set(self.nodes[i].children.values()) & set(bound)
        ]

    def _stored(self, index: int) -> StoredVariable:
        stored = self.nodes[index].variable
        assert stored is not None
        return stored

    def _listed(self, node: ObjectNode, name: str) -> list[int]:
        """The variables in a list of a node, or of its ``keras_api``."""
        listed = self.archive.child(node, name) or self.archive.child(node, "keras_api", name)
        children: Mapping[str, int] = {} if listed is None else listed.children
        found = [children[key] for key in sorted(children, key=number)]
        return [index for index in found if self.nodes[index].variable is not None]

    def _bound(self, function: PolymorphicFunction) -> list[int]:
        bound = dict.fromkeys(i for each in function.concrete for i in each.trace.bound)
        return [index for index in bound if self.nodes[index].variable is not None]

    def _variable(self, index: int) -> Any:
        """Keras' variable of a node, made where no layer has it; it trains if it is a weight that did."""
        variables = self.revival.variables
        if index not in variables:
            stored = self._stored(index)
            trainable = stored.trainable and index in self._weighed
            variables[index] = _keras.stored_variable(stored.shape, variable_dtype(stored), trainable, stored.name)
        return variables[index]

    def _regularize(self, node: ObjectNode, weights: Sequence[Any]) -> None:
        """Hang the penalties that were saved on the variables that they are of, unless those have their own."""
        listed = self.archive.child(node, "regularization_losses")
        for child in () if listed is None else listed.children.values():
            if child in self._penalties or not self.revival.has_traces(child):
                continue
            self._penalties.add(child)
            function = self.revival.objects.get(child)
            bound = [self._variable(i) for i in self._bound(function)]
            target = next((v for v in (*bound, *weights) if v.trainable), None)
            if target is not None and (target.regularizer is None or isinstance(target.regularizer, Penalty)):
                before = [] if target.regularizer is None else target.regularizer.functions
                target.regularizer = Penalty([*before, Method(function)])

    def _sow(self, index: int) -> None:
        """Take the seed of a layer that draws random numbers, if the file is ours and has one."""
        generator = self.revival.layers[index].seed_generator
        seeds = self.nodes[index].children.get("seed_generator")
        if generator is not None and seeds is not None:
            state = self.nodes[seeds].children.get("seed_generator_state")
            if state is not None and self.nodes[state].variable is not None:
                self.revival.variables.setdefault(state, generator.state)

    # Attributes -------------------------------------------------------------------------------------------------------

    def _attach(self, index: int) -> None:
        """Put variables, layers and functions under the names that they had as attributes."""
        node, layer = self.nodes[index], self.revival.layers[index]
        inside = [self._layers[i] for i in self._inside.get(index, ())]
        inner = {id(v) for each in inside for v in each.variables}
        layer._own_variables = [v for v in (*layer.stored.weights, *layer.stored.states) if id(v) not in inner]
        for name, child in node.children.items():
            if name in BOOKS or hasattr(layer, name):
                continue
            if self.revival.has_traces(child):
                layer.stored.methods[name] = Method(self.revival.objects.get(child), layer.seed_generator)
            elif (value := self._value(index, child, 0)) is not None:
                setattr(layer, name, value)
        left = [each for each in inside if not any(each is other for other in _keras.own_layers(layer))]
        if left:
            layer._other_layers = left

    def _value(self, owner: int, index: int, depth: int) -> Any:
        """What an attribute is: a variable, a layer, a list or dictionary of them; None of anything else."""
        node = self.nodes[index]
        if node.variable is not None:
            return self.revival.variables.get(index)
        if index in self._layers:
            return self._layers[index] if index in self._inside.get(owner, ()) else None
        if node.identifier not in _CONTAINERS or depth > _DEEPEST:
            return None
        found = {key: self._value(owner, child, depth + 1) for key, child in node.children.items()}
        found = {key: value for key, value in found.items() if value is not None}
        if node.identifier == "trackable_dict_wrapper" or not found:
            return found or None
        return [found[key] for key in sorted(found, key=number)]

    def _freeze(self, index: int) -> None:
        """Let a layer, and what is in it, not train where it did not when it was saved."""
        if (self.nodes[index].metadata or {}).get("trainable") is False:
            self.revival.layers[index].trainable = False
