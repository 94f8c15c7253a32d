"""The text file ``checkpoint`` of a directory: which checkpoints it holds, and which is the latest.

Source: tensorflow/python/training/checkpoint_state.proto, in protobuf's text form.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from reinstate.errors import CorruptError, where
from reinstate.wire import messages

FILE_NAME = "checkpoint"


def read_checkpoint_state(path: str | os.PathLike[str]) -> Any:
    """Read the file at ``path``; return a ``CheckpointState`` message, whose paths may be relative to its directory.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptError: it is not such a file.
    """
    path = Path(path)
    with where(path.name):
        try:
            return text_format.Parse(path.read_text("utf-8"), messages.CheckpointState(), allow_unknown_field=True)
        except (text_format.ParseError, UnicodeDecodeError) as error:
            raise CorruptError(f"not the state of a checkpoint directory: {error}") from error


def write_checkpoint_state(path: str | os.PathLike[str], prefix_name: str) -> None:
    """Write the file ``path``: ``prefix_name``, relative to it, is the latest checkpoint there, and the only one."""
    state = messages.CheckpointState(model_checkpoint_path=prefix_name, all_model_checkpoint_paths=[prefix_name])
    text = text_format.MessageToString(state, as_utf8=True)
    Path(path).write_text(text, encoding="utf-8", newline="\n")
