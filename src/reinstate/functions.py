"""``function``: Python functions with the form of their inputs, for the signatures of what is saved."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reinstate.errors import UnsupportedError


class SpecifiedFunction:
    """A function and what its inputs are like. Calling it calls the function, on a method of an object too."""

    def __init__(self, fn: Callable[..., Any], input_signature: Sequence[Any]) -> None:
        self.fn = fn
        self.input_signature = tuple(input_signature)
        functools.update_wrapper(self, fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        return self.fn(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> SpecifiedFunction:
        return self if instance is None else SpecifiedFunction(self.fn.__get__(instance, owner), self.input_signature)

    def __repr__(self) -> str:
        return f"<reinstate.function {getattr(self.fn, '__qualname__', self.fn)!s}>"


def function(fn: Callable[..., Any] | None = None, input_signature: Sequence[Any] | None = None) -> Any:
    """Say what the inputs of a function are like, so that it can be saved; a decorator, too.

    It is a function of JAX arrays (or of Keras' and jax.numpy's operations), and may use any Keras variables: they are
    saved with it, and it reads and assigns them where it runs. Its inputs are named after its parameters, or as their
    specs are; its outputs after the keys of the dictionary that it gives, else ``output_0``, ``output_1`` ...

    Example:
        >>> @reinstate.function(input_signature=[keras.InputSpec(shape=(None, 28, 28), dtype="uint8")])
        ... def classify(image):
        ...     scores = model(image / 255)
        ...     return {"label": keras.ops.argmax(scores, -1), "scores": scores}
        >>> reinstate.save_model(model, "classifier", signatures={"serving_default": classify})

    Args:
        fn: the function; a Keras layer or model is one.
        input_signature: for each parameter a ``keras.InputSpec``, a ``jax.ShapeDtypeStruct``, or a ``keras.Input``, or
            lists and dictionaries of them; dimensions that are None are open.

    Raises:
        UnsupportedError: it cannot be called, or there is no list of specs.
    """
    if fn is None:
        return functools.partial(function, input_signature=input_signature)
    offenders = [
        *([] if callable(fn) else [f"{fn!r:.100} cannot be called"]),
        *(
            []
            if isinstance(input_signature, list | tuple)
            else [f"input_signature is {input_signature!r:.100}: no list"]
        ),
    ]
    if offenders:
        raise UnsupportedError("reinstate.function takes a function and a list of specs:", offenders)
    assert input_signature is not None
    return SpecifiedFunction(fn, input_signature)
