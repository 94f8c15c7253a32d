"""Opt in to tf.keras' spelling: ``model.save`` and ``keras.models.load_model`` take its arguments and its formats."""

from __future__ import annotations

from reinstate import _api


def register() -> None:
    """Let Keras' own names save and load as the tf.keras documentation says; ``unregister`` takes it back.

    ``model.save``, ``model.save_weights``, ``model.load_weights``, ``keras.models.save_model``,
    ``keras.models.load_model`` and the same two in ``keras.saving`` become this package's. Calling it twice is calling
    it once.
    """
    from reinstate.live import registered

    registered.replace(_api.save_model, _api.load_model, _api.save_weights, _api.load_weights)


def unregister() -> None:
    """Give Keras its own functions back."""
    from reinstate.live import registered

    registered.restore()
