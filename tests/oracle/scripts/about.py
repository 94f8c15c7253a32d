"""What runs over there."""

import os
import platform
import sys
import time


def versions():
    import tensorflow as tf

    from tests.oracle.models import resolve_keras

    return {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": resolve_keras().__version__}


def echo(**values):
    print("this goes to stderr")
    os.write(1, b"and so does this\n")
    return values


def fail(message):
    raise ValueError(message)


def sleep(seconds):
    time.sleep(seconds)


def crash():
    sys.stderr.write("a last word\n")
    sys.stderr.flush()
    os._exit(3)


def pid():
    return os.getpid()
