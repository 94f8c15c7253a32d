"""Write the tables of docs/SUPPORT.md from the tables that the tests run on: ``python -m tools.support``.

Each stands between ``<!-- table: name -->`` and ``<!-- end -->``; all other text is written by hand. A test fails where
the file is not what this writes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import reinstate.graph.ops  # noqa: F401  (fills RULES)
from reinstate.config.functions import FUNCTIONS
from reinstate.config.layers import REFUSED
from reinstate.config.lens import Config
from reinstate.graph.op_defs import names as op_names
from reinstate.graph.rules import RULES
from tests.config.training_cases import NEW_ONLY, OPTIMIZER_CASES
from tests.corpus.cases import APPLICATIONS, EXCEPTIONS, RANDOM, SMALL, exception

FILE = Path(__file__).resolve().parents[1] / "docs/SUPPORT.md"
_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHOWN = {"opens": "is read", "trains": "trains on", "returns": "is written back"}
_FAMILIES = {
    "layer": "layers",
    "loss": "losses",
    "metric": "metrics",
    "schedule": "schedules",
    "dtype policy": "dtype policies",
}


def written(text: str) -> str:
    """Return the text with all its tables as they should be."""
    return _TABLE.sub(lambda found: found[1] + "\n".join(TABLES[found[2]]()) + "\n" + found[3], text)


def _table(*rows: Iterable[str]) -> list[str]:
    """The lines of a table, the first row its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * (lines[0].count(" | ") + 1), *lines[1:]]


def _classes() -> list[str]:
    """What was shown of each class, those of the same family and answers in one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for family, class_name in dict.fromkeys((case["family"], case["class_name"]) for case in SMALL.values()):
        names = [name for name, case in SMALL.items() if (case["family"], case["class_name"]) == (family, class_name)]
        read, back = _answer(names, "opens"), _answer(names, "returns")
        rows.setdefault((_FAMILIES[family], read, read, _trains(names), back), []).append(class_name)
    body = (
        (family, ", ".join(f"`{name}`" for name in sorted(names, key=str.lower)), *answers)
        for (family, *answers), names in rows.items()
    )
    return _table(("", "classes and names", "SavedModel read", "HDF5 read", "trains on", "written back"), *body)


def _answer(names: list[str], shown: str) -> str:
    """Yes, no, or partly: whether all cases of a class hold, none, or some."""
    fails = sum(shown in found[0].split() for name in names if (found := exception(name)))
    return "yes" if not fails else "no" if fails == len(names) else "partly"


def _trains(names: list[str]) -> str:
    trained = [name for name in names if SMALL[name]["trains"]]
    if trained:
        return _answer(trained, "trains")
    return "other draws" if SMALL[names[0]]["class_name"] in RANDOM else "-"


def _exceptions() -> list[str]:
    """The strict xfails, each with its reason."""
    rows = (
        (f"`{_described(name)}`", ", ".join(_SHOWN[shown] for shown in fails.split()), reason)
        for name, (fails, reason) in EXCEPTIONS.items()
    )
    return _table(("what", "does not hold", "why"), *rows)


def _described(name: str) -> str:
    """A case in the words of the one who builds it."""
    case = SMALL.get(name)
    if case is None or case["family"] == "dtype policy":
        return name.removeprefix("policy-").removeprefix("application-")
    given: Config = case["arguments"] if case["kind"] == "layer" else case["compile"]["loss"]["config"]
    return f"{case['class_name']}({', '.join(f'{key}={value!r}' for key, value in given.items())})"


def _optimizers() -> list[str]:
    """The settings of optimizers whose state was compared, and the generations that have them."""
    settings: dict[str, list[str]] = {}
    for name, (class_name, _) in OPTIMIZER_CASES.items():
        special = name.removeprefix(class_name).strip() or "defaults"
        settings.setdefault(class_name, []).append(f"{special} (new only)" if name in NEW_ONLY else special)
    rows = ((f"`{class_name}`", ", ".join(specials)) for class_name, specials in settings.items())
    return _table(("optimizer", "with"), *rows)


def _applications() -> list[str]:
    """The families of ``tf.keras.applications``, with the model that stands for each."""
    return [
        ", ".join(family if family == name else f"{family} ({name})" for family, (name, _, _) in APPLICATIONS.items())
    ]


def _refused() -> list[str]:
    """Layers that are refused, by reason."""
    reasons: dict[str, list[str]] = {}
    for name, reason in sorted(REFUSED.items()):
        reasons.setdefault(reason, []).append(f"`{name}`")
    return _table(("layers that are refused", "why"), *((", ".join(names), why) for why, names in reasons.items()))


def _functions() -> list[str]:
    """How many functions of TensorFlow are known, by namespace; and how many ops of graphs."""
    counts = Counter(symbol.rpartition(".")[0] for symbol in FUNCTIONS)
    spelt = {"": "tf", "__operators__": "operators between tensors"}
    spaces = ", ".join(f"{spelt.get(space, f'tf.{space}')} {count}" for space, count in counts.most_common())
    return [
        f"{len(FUNCTIONS)} symbols of TensorFlow functions between layers: {spaces}.",
        "",
        f"{len(RULES)} ops in graphs (`reinstate.load`), of {len(op_names())} that TensorFlow registers.",
    ]


TABLES: dict[str, Callable[[], list[str]]] = {
    "classes": _classes,
    "exceptions": _exceptions,
    "optimizers": _optimizers,
    "applications": _applications,
    "refused": _refused,
    "functions": _functions,
}


if __name__ == "__main__":
    FILE.write_text(written(FILE.read_text()))
