"""Keras and JAX without a word: what they would log is not for who runs a command; what is lost is collected."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from reinstate import LossyWarning


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Silence logs and warnings; give a list that holds, after the block, what could not be carried."""
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("jax", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    losses: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield losses
        finally:
            lossy = (warning.message for warning in caught if isinstance(warning.message, LossyWarning))
            losses += dict.fromkeys(loss for warning in lossy for loss in warning.losses)


def status(text: str = "") -> None:
    """Say on a terminal what is being waited for; without a text, take it away."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)
