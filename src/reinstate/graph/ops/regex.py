# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Regular expressions, on the host: those of RE2 rewritten as Python's.

Source: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import Any

from reinstate.errors import MismatchError
from reinstate.graph.rules import Static, op, require
from reinstate.graph.strings import decoded, each, undecoded

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": r"0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# Escapes that mean something else in Python.
_ESCAPES = {"s": r"\t\n\f\r ", "S": r"\t\n\f\r ", "z": r"\Z", "C": r"[\s\S]"}
_PLAIN_IN_SET = "[&~|"  # Python warns of these: they may once mean more
_TOKEN = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|\\(?P<negated>[pP])(?:\{(?P<long>\^?\w+)\}|(?P<short>\w))"
    r"|\\x\{(?P<code>[0-9A-Fa-f]+)\}"
    r"|\[:(?P<not>\^?)(?P<posix>\w+):\]"
    r"|\\(?P<escape>.)"
    r"|(?P<plain>.)",
    re.DOTALL,
)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as Python's.

    Raises:
        MismatchError: it is none, or Python has nothing for what is in it.
    """
    try:
        return re.compile(_translated(pattern), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise MismatchError(f"the regular expression {pattern!r:.200}: {error}") from error


def _translated(pattern: str) -> str:
    lines = re.search(r"\(\?[a-zA-Z]*m", pattern) is not None
    parts: list[str] = []
    inside = first = False  # of a set, and at its first character
    for token in _TOKEN.finditer(pattern):
        plain = token["plain"]
        if inside:
            parts.append(_in_set(token, first))
            first = first and plain == "^" and parts[-2] == "["
            inside = plain != "]" or parts[-1] == r"\]"
        elif plain == "[":
            parts.append("[")
            inside = first = True
        elif token["posix"] is not None:  # a set that only looks like a class
            parts.append("[" + re.escape(token[0][1:-1]) + "]")
        else:
            parts.append((r"\Z" if not lines else "$") if plain == "$" else _outside(token))
    return "".join(parts)


def _in_set(token: re.Match[str], first: bool) -> str:
    if token["posix"] is not None:
        require(token["posix"] in _POSIX and not token["not"], f"the class {token[0]} in a set")
        return _POSIX[token["posix"]]
    if token["negated"] is not None:
        return _category(token, inside=True)
    if token["escape"] in ("s",):
        return _ESCAPES["s"]
    if token["plain"] == "]" and first:
        return r"\]"
    if token["plain"] is not None and token["plain"] in _PLAIN_IN_SET:
        return "\\" + token["plain"]
    return _any(token)


def _outside(token: re.Match[str]) -> str:
    if token["negated"] is not None:
        return _category(token, inside=False)
    if token["escape"] in _ESCAPES:
        meant = _ESCAPES[token["escape"]]
        return {"s": f"[{meant}]", "S": f"[^{meant}]"}.get(token["escape"], meant)
    return _any(token)


def _any(token: re.Match[str]) -> str:
    if token["quoted"] is not None:
        return re.escape(token["quoted"])
    if token["code"] is not None:
        return re.escape(chr(int(token["code"], 16)))
    return token[0]


def _category(token: re.Match[str], inside: bool) -> str:
    name = token["long"] or token["short"]
    negative = (token["negated"] == "P") != name.startswith("^")
    members = _members(name.removeprefix("^"))
    require(bool(members), f"the class {token[0]}")
    if inside:
        return _complement(name.removeprefix("^")) if negative else members
    return f"[^{members}]" if negative else f"[{members}]"


@cache
def _categories() -> list[str]:
    return [unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1)]


def _spans(wanted: Any) -> str:
    """Ranges for a set, of the characters whose category is wanted."""
    spans, start = [], -1
    for code, category in enumerate([*_categories(), ""]):
        if category and wanted(category):
            start = code if start < 0 else start
        elif start >= 0:
            spans.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = -1
    return "".join(spans)


@cache
def _members(name: str) -> str:
    return _spans(lambda category: name == "Any" or category.startswith(name))


@cache
def _complement(name: str) -> str:
    return _spans(lambda category: not category.startswith(name))


def replaced(text: bytes, pattern: re.Pattern[str], rewrite: str, everywhere: bool) -> bytes:
    """The text with matches rewritten; an empty one right behind another does not count."""
    whole, parts, at, last = decoded(text), [], 0, -1
    for match in pattern.finditer(whole):
        if match.end() == match.start() == last:
            continue
        parts += [whole[at : match.start()], _rewritten(match, rewrite)]
        at = last = match.end()
        if not everywhere:
            break
    return undecoded("".join([*parts, whole[at:]]))


def _rewritten(match: re.Match[str], rewrite: str) -> str:
    def part(escape: re.Match[str]) -> str:
        if escape[1] == "\\":
            return "\\"
        require(escape[1].isdigit() and int(escape[1]) <= (match.re.groups), f"the rewriting {rewrite!r}")
        return match[int(escape[1])] or ""

    return re.sub(r"\\(.?)", part, rewrite, flags=re.DOTALL)


def _replace(input: Any, pattern: Any, rewrite: Any, everywhere: bool) -> Any:
    expression, new = compiled(decoded(pattern)), decoded(rewrite)
    return each(input, lambda text: replaced(text, expression, new, everywhere))


@op("RegexReplace")
def regex_replace(input: Static, pattern: Static, rewrite: Static, *, replace_global):
    return _replace(input, pattern.item(), rewrite.item(), replace_global)


@op("StaticRegexReplace")
def static_regex_replace(input: Static, *, pattern, rewrite, replace_global):
    return _replace(input, pattern, rewrite, replace_global)


def _full_match(input: Any, pattern: Any) -> Any:
    expression = compiled(decoded(pattern))
    return each(input, lambda text: expression.fullmatch(decoded(text)) is not None).astype(bool)


@op("RegexFullMatch")
def regex_full_match(input: Static, pattern: Static):
    return _full_match(input, pattern.item())


@op("StaticRegexFullMatch")
def static_regex_full_match(input: Static, *, pattern):
    return _full_match(input, pattern)
