"""Attribute names of variables and sublayers: where Keras 3's differ from those in tf.keras' object graphs.

Where a property stands over a private attribute (``kernel`` over ``_kernel``), the public name counts. All other
variables and sublayers have the same names in both: ``cell``, ``forward_layer``, ``_query_dense``, ``vector_u`` ...
"""

from __future__ import annotations

# Keras 3 class: tf.keras' attribute -> Keras 3's.
_UP: dict[str, dict[str, str]] = {
    "DepthwiseConv1D": {"depthwise_kernel": "kernel"},
    "DepthwiseConv2D": {"depthwise_kernel": "kernel"},
}
# What the first versions of tf.keras called it, by the present name.
_FORMER: dict[str, dict[str, str]] = {
    "Normalization": {"adapt_mean": "mean", "adapt_variance": "variance"},
    "TextVectorization": {"_lookup_layer": "_index_lookup_layer"},
}
_DOWN = {class_name: {new: old for old, new in names.items()} for class_name, names in _UP.items()}


def attribute_up(class_name: str, name: str) -> str:
    """Return Keras 3's name of the attribute that tf.keras calls ``name``, for a class by its Keras 3 name."""
    return _UP.get(class_name, {}).get(name, name)


def attribute_down(class_name: str, name: str) -> str:
    """Return tf.keras' name of the attribute that Keras 3 calls ``name``, for a class by its Keras 3 name."""
    return _DOWN.get(class_name, {}).get(name, name)


def attribute_former(class_name: str, name: str) -> str:
    """Return what the first versions of tf.keras called an attribute, for a class by its Keras 3 name."""
    return _FORMER.get(class_name, {}).get(name, name)
