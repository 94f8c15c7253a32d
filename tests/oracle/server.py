"""Runs inside the Python that has TensorFlow, 3.8 or later: calls functions of tests/oracle/scripts on request.

One JSON line in: ``{"function": "module.name", "arguments": {...}}``; one out: ``{"result": ...}`` or
``{"error": traceback}``. The protocol has the original stdout for itself: what TensorFlow prints goes to stderr. When
stdin ends, because the parent closed it or died, the process ends at once, whatever it is doing.
"""

import importlib
import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path


def _requests():
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield json.loads(lines.get())


def _call(function, arguments):
    module, name = function.rsplit(".", 1)
    return getattr(importlib.import_module("tests.oracle.scripts." + module), name)(**arguments)


def _plain(value):
    """What JSON has no word for, and numpy returns."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError("not JSON: %r; arrays travel in .npz files" % (value,))


def main():
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    for request in _requests():
        try:
            reply = json.dumps({"result": _call(**request)}, default=_plain)
        except BaseException:
            reply = json.dumps({"error": traceback.format_exc()})
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
