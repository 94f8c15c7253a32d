"""``python -m bench``: all that is said to be fast, in one run, the oracle and the machine's limit beside it.

The oracle's Python is ``$REINSTATE_ORACLE`` (scripts/test makes one at .venvs/oracle/bin/python).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ORACLE = os.environ.get("REINSTATE_ORACLE", str(HERE.parent / ".venvs" / "oracle" / "bin" / "python"))
REPEATS = 3


def run(python: str, script: str, *arguments: str) -> dict[str, float]:
    """Run a task in a process of its own and read its JSON."""
    command = [python, str(HERE / script), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr[-3000:]}")
    answer: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return answer


def median(python: str, script: str, *arguments: str) -> dict[str, float]:
    """The median of each figure over ``REPEATS`` runs."""
    runs = [run(python, script, *arguments) for _ in range(REPEATS)]
    return {key: statistics.median(r[key] for r in runs) for key in runs[0] if not isinstance(runs[0][key], str)}


def plain_read(path: Path) -> float:
    """Seconds to read all bytes of a model once, from the page cache."""
    started = time.perf_counter()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            file.read_bytes()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print the table."""
    table = Table("what", "ours", "tf_keras", "ratio", "bar", "limit", title="reinstate")
    ours = sys.executable

    def row(what: str, mine: float, theirs: float | None, bar: str, limit: float | None = None) -> None:
        ratio = "" if theirs is None else f"{theirs / mine:.1f}x"
        table.add_row(
            what,
            f"{mine:.3f} s",
            "" if theirs is None else f"{theirs:.3f} s",
            ratio,
            bar,
            "" if limit is None else f"{limit:.3f} s",
        )

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        saved = run(ORACLE, "oracle.py", "make", name)
        model, h5 = directory / "resnet50", directory / "oracle.h5"
        theirs, mine = median(ORACLE, "oracle.py", "load", str(model)), median(ours, "ours.py", "load", str(model))
        row("load ResNet50 SavedModel with Adam", mine["load"], theirs["load"], "15x", plain_read(model))
        row("  process start to model", mine["process"], theirs["process"], "3x")
        theirs, mine = median(ORACLE, "oracle.py", "load", str(h5)), median(ours, "ours.py", "load", str(h5))
        row("load it from HDF5", mine["load"], theirs["load"], "3x", plain_read(h5))
        mine = run(ours, "ours.py", "save", str(model), name)
        row("save it without traces", mine["ours"], saved["oracle_untraced"], "5x")
        row("save it as HDF5", mine["ours.h5"], saved["oracle.h5"], "1x")
        written = run(ours, "ours.py", "write", name, "2")
        share = written["plain"] / written["save"]
        table.add_row("save 2 GB", f"{written['save']:.3f} s", "", f"{share:.0%}", "80 %", f"{written['plain']:.3f} s")
        large = median(ours, "ours.py", "large", str(directory / "large"))
        table.add_row("load 2 GB", f"{large['load']:.3f} s", "", "", "0.5 s", "")
        table.add_row("  new private memory", f"{large['private'] / 2**20:.0f} MB", "", "", "200 MB", "")
        per_layer = [run(ours, "ours.py", "layers", name, count)["per_layer"] for count in ("10", "100", "1000")]
        text = " / ".join(f"{value:.2f}" for value in per_layer)
        table.add_row("ms per layer: 10 / 100 / 1000", text, "", f"{max(per_layer) / min(per_layer):.2f}x", "1.5x", "")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
