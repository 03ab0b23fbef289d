r"""EDN is richer than JSON; here both have one shape in memory, that of JSON, and nothing is lost.

    EDN                    in memory
    nil true 5 1.5 "s"     None True 5 1.5 "s"
    :timeout               ":timeout"             a string that looks so is written "':timeout"
    [1 2]  (1 2)           [1, 2]                 Clojure holds them equal too
    #{1 2}                 {"#{}": [1, 2]}
    {:a 1, "b" 2, 3 4}     {":a": 1, "b": 2, "3": 4}
    {"3" 4, [1] 5}         {"'3": 4, "#=[1]": 5}
    #inst "2026"           {"#inst": "2026"}      any tag
    1/3  1.5M  \a  ##Inf  {"#/": [1, 3]}  {"#M": "1.5"}  {"#\\": "a"}  {"##": "Inf"}
    symbol                 {"#'": "symbol"}

So a value read from EDN can be written as JSON and back. ``read_forms`` is a complete reader, one
regular expression for the tokens and a stack; ``write_form`` is its inverse.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from histories.errors import HistoryError

__all__ = ["SET", "UnclosedError", "read_forms", "text_of", "write_form"]

SET = "#{}"

_TOKEN = re.compile(
    r"""
      (?P<blank> [\s,]+ | ;[^\n]* )
    | (?P<string> "(?:[^"\\]|\\.)*" )
    | (?P<open> \#\{ | [(\[{] )
    | (?P<close> [)\]}] )
    | (?P<char> \\(?: newline | space | tab | return | formfeed | backspace
                    | u[0-9a-fA-F]{4} | . )(?=[\s,;"()\[\]{}\\]|$) )
    | (?P<discard> \#_ )
    | (?P<special> \#\#(?:Inf|-Inf|NaN) )
    | (?P<tag> \#[^\W\d_][^\s,;"\\()\[\]{}]* )
    | (?P<atom> [^\s,;"\\()\[\]{}#][^\s,;"\\()\[\]{}]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)N?", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")  # in #object[...], as Clojure prints it
_RATIO = re.compile(r"([+-]?[0-9]+)/([0-9]+)", re.ASCII)
_KEYWORD = re.compile(r""":[^\s,;"\\()\[\]{}]+""")
_WHOLE = re.compile(r"-?[1-9][0-9]*|0", re.ASCII)
_SYMBOL = re.compile(r"""[^\s,;"\\()\[\]{}#:0-9][^\s,;"\\()\[\]{}]*""")
_TAG = re.compile(r"""#(?!M\Z)[^\W\d_][^\s,;"\\()\[\]{}]*""")

_WORDS: dict[str, Any] = {"nil": None, "true": True, "false": False}
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", "\\": "\\", '"': '"'}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CLOSERS = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_INT64 = range(-(2**63), 2**63)


class UnclosedError(HistoryError):
    """Text that is EDN so far, but ends before its last form does."""


class _Prefix(str):
    """A tag, or a discard, that waits for the form after it."""

    __slots__ = ()


_DISCARD = _Prefix("#_")


def read_forms(text: str, *, outer: bool = False) -> Iterator[Any]:
    """Read all forms of a text; with ``outer``, those inside its outermost list or vector too.

    >>> list(read_forms("{:f :read, :value [1 #{2} 1/3]} ; two"))
    [{':f': ':read', ':value': [1, {'#{}': [2]}, {'#/': [1, 3]}]}]
    >>> list(read_forms("[{:a 1} {:a 2}]", outer=True))
    [{':a': 1}, {':a': 2}]
    """
    stack: list[tuple[str, list[Any]]] = [("", [])]
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise HistoryError("EDN", found=text[position : position + 40])
        position = token.end()
        kind, word = str(token.lastgroup), token[0]
        if kind == "blank":
            continue
        if kind == "open":
            if not (outer and len(stack) == 1 and word in "(["):
                stack.append((word, []))
            continue
        if kind == "close":
            if outer and len(stack) == 1 and word in ")]":
                continue
            form = _closed(stack, word)
        elif kind in {"discard", "tag"}:
            stack[-1][1].append(_DISCARD if kind == "discard" else _Prefix(word))
            continue
        else:
            form = _ATOMS[kind](word)
        _add(stack[-1][1], form)
        if len(stack) == 1:
            yield from stack[0][1] if not _waiting(stack[0][1]) else ()
            stack[0] = ("", [item for item in stack[0][1] if isinstance(item, _Prefix)])
    if len(stack) > 1 or stack[0][1]:
        raise UnclosedError("the end of the last form", found=text[-40:])


def write_form(form: Any) -> str:
    r"""Write a form as EDN, on one line.

    >>> write_form({":f": ":read", "n": [1, {"#{}": [2]}, "it"], "3": None})
    '{:f :read, "n" [1 #{2} "it"], 3 nil}'
    """
    if form is None or isinstance(form, bool):
        return {None: "nil", True: "true", False: "false"}[form]
    if isinstance(form, str):
        return _write_text(form)
    if isinstance(form, int):
        return str(form) if form in _INT64 else f"{form}N"
    if isinstance(form, list | tuple):
        return f"[{' '.join(map(write_form, form))}]"
    if isinstance(form, dict):
        return _write_tagged(form) or _write_map(form)
    return repr(form)


def text_of(form: Any) -> Any:
    """Give a keyword or a string as the bare word: ``":read"`` and ``"read"`` are ``read``."""
    return form.removeprefix("'").removeprefix(":") if isinstance(form, str) else form


def _add(items: list[Any], form: Any) -> None:
    """Add a form to a collection, after the prefixes that wait for it."""
    while items and isinstance(items[-1], _Prefix):
        prefix = items.pop()
        if prefix is _DISCARD:
            return
        form = {str(prefix): form}
    items.append(form)


def _waiting(items: list[Any]) -> bool:
    return bool(items) and isinstance(items[-1], _Prefix)


def _closed(stack: list[tuple[str, list[Any]]], closer: str) -> Any:
    opener, items = stack.pop()
    if not stack or _CLOSERS[opener] != closer or _waiting(items):
        raise HistoryError("forms that are closed as they were opened", found=closer)
    if opener == "#{":
        return {SET: items}
    if opener != "{":
        return items
    if len(items) % 2:
        raise HistoryError("a map of keys and values", found=write_form(items))
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _read_string(word: str) -> str:
    text = _ESCAPE.sub(_unescaped, word[1:-1]) if "\\" in word else word[1:-1]
    return f"'{text}" if _is_special(text) else text


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 5:
        return chr(int(code[1:], 16))
    if code not in _ESCAPES:
        raise HistoryError("an escape of EDN", found=match[0])
    return _ESCAPES[code]


def _read_atom(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    if _KEYWORD.fullmatch(word):
        return word
    if _INTEGER.fullmatch(word):
        return int(word.removesuffix("N"))
    if _HEXADECIMAL.fullmatch(word):
        return int(word, 16)
    if match := _RATIO.fullmatch(word):
        return {"#/": [int(match[1]), int(match[2])]}
    if _FLOAT.fullmatch(word):
        return {"#M": word[:-1]} if word.endswith("M") else _finite(word)
    if _SYMBOL.fullmatch(word) and not word.lstrip("+-.")[:1].isdecimal():
        return {"#'": word}
    raise HistoryError("EDN", found=word)


def _finite(word: str) -> Any:
    number = float(word)
    if number - number != 0:
        raise HistoryError("a number that fits a double", found=word)
    return number


_ATOMS: dict[str, Callable[[str], Any]] = {
    "atom": _read_atom,
    "string": _read_string,
    "char": lambda word: {"#\\": word[1:]},
    "special": lambda word: {"##": word[2:]},
}


def _is_special(text: str) -> bool:
    """Tell whether a string must be quoted with ``'``, because bare it would be a keyword."""
    return bool(_KEYWORD.fullmatch(text)) or (text[:1] == "'" and _is_special(text[1:]))


def _write_text(text: str) -> str:
    if _KEYWORD.fullmatch(text):
        return text
    return _quoted(text[1:] if text[:1] == "'" and _is_special(text[1:]) else text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def _write_map(form: dict[str, Any]) -> str:
    pairs = (f"{_write_key(str(key))} {write_form(value)}" for key, value in form.items())
    return "{" + ", ".join(pairs) + "}"


def _write_tagged(form: dict[str, Any]) -> str | None:
    """Write what stands for something JSON has not, if this map is one that does."""
    if len(form) != 1:
        return None
    ((tag, value),) = form.items()
    if tag == SET and isinstance(value, list):
        return "#{" + " ".join(map(write_form, value)) + "}"
    if tag == "#/" and isinstance(value, list) and [type(n) for n in value] == [int, int]:
        return f"{value[0]}/{value[1]}" if value[1] >= 0 else None
    if isinstance(value, str):
        written = {"#M": f"{value}M", "#\\": f"\\{value}", "##": f"##{value}", "#'": value}.get(tag)
        if written is not None:
            return written if _reads_as(written, form) else None
    if _TAG.fullmatch(tag):
        return f"{tag} {write_form(value)}"
    return None


def _reads_as(text: str, form: Any) -> bool:
    try:
        return list(read_forms(text)) == [form]
    except HistoryError:
        return False


def _key(form: Any) -> str:
    """Give the key in memory for a form that is a key in EDN."""
    if type(form) is int:
        return str(form)
    if isinstance(form, str):
        if _KEYWORD.fullmatch(form):
            return form
        text = form[1:] if form[:1] == "'" and _is_special(form[1:]) else form
        return f"'{text}" if _write_key(text) != _quoted(text) else text
    return f"#={write_form(form)}"


def _write_key(key: str) -> str:
    """Give the EDN text for a key in memory; the inverse of ``_key``."""
    if _KEYWORD.fullmatch(key) or _WHOLE.fullmatch(key):
        return key
    if key[:1] == "'" and _write_key(key[1:]) != _quoted(key[1:]):
        return _quoted(key[1:])
    if key[:2] == "#=" and _is_other_key(key[2:]):
        return key[2:]
    return _quoted(key)


def _is_other_key(text: str) -> bool:
    """Tell whether the text after ``#=`` in a key is just how a key of another type is written."""
    try:
        forms = list(read_forms(text))
    except HistoryError:
        return False
    return len(forms) == 1 and type(forms[0]) not in (int, str) and write_form(forms[0]) == text
