"""Dataclasses out of JSON and into it, strictly, and their JSON Schema: one description serves all three."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
from collections.abc import Sequence
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from lipwright.errors import LipwrightError

Kind = TypeVar("Kind")

_HINTS: dict[Any, dict[str, Any]] = {}  # types of a message's fields, looked up once

# What a number, a text or a list may be, as JSON Schema calls it; `parse` heeds exactly these.
LIMITS = ("minimum", "maximum", "minLength", "maxLength", "pattern", "enum", "minItems", "maxItems")


def told(about: str, default: Any = dataclasses.MISSING, **limits: Any) -> Any:
    """A field of a message: what it is about, and the LIMITS of JSON Schema that hold for it.

    Without a default it has to be given.
    """
    unknown = set(limits) - set(LIMITS)
    if unknown:
        raise ValueError(f"no limits: {unknown}")
    return dataclasses.field(default=default, metadata={"description": about, **limits})


def from_text(kind: type[Kind], text: str | bytes) -> Kind:
    """A message out of JSON text. Raises LipwrightError that names the field and what is wrong with it."""
    return parse(kind, read_json(text))


def one_of(kinds: Sequence[type[Any]], text: str | bytes) -> Any:
    """A message of the kind that its "type" names, out of JSON text. Raises LipwrightError."""
    value = read_json(text)
    known = {kind.TYPE: kind for kind in kinds}
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in known:
        raise LipwrightError(f'a message has a "type", one of {", ".join(known)}.')
    return parse(known[name], value)


def read_json(text: str | bytes) -> Any:
    """The value of JSON text; raises LipwrightError for what is none, NaN and infinities among that."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise LipwrightError("this is no JSON: see docs/api.md for what to send.") from None


def parse(kind: type[Kind], value: Any) -> Kind:
    """A message out of a JSON value. Raises LipwrightError that names the field and what is wrong with it."""
    message: Kind = _parsed(kind, value, "", {})
    return message


def to_json(message: Any) -> dict[str, Any]:
    """A message as a JSON value; with its "type", where it has one."""
    value = {field.name: _plain(getattr(message, field.name)) for field in dataclasses.fields(message)}
    name = getattr(message, "TYPE", None)
    return value if name is None else {"type": name, **value}


def to_text(message: Any) -> str:
    """A message as JSON text, in one line."""
    return json.dumps(to_json(message), separators=(",", ":"), allow_nan=False)


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message; messages within it are references to components/schemas."""
    properties: dict[str, Any] = {}
    required = []
    if getattr(kind, "TYPE", None) is not None:
        properties["type"] = {"const": kind.TYPE}
        required.append("type")
    for field in dataclasses.fields(kind):
        properties[field.name] = {**_schema_of(_hints(kind)[field.name], field.metadata), **_default(field)}
        if field.default is dataclasses.MISSING:
            required.append(field.name)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def parts_of(kind: type[Any]) -> list[type[Any]]:
    """A message's kind, and those of all messages within it."""
    found = [kind]
    for hint in _hints(kind).values():
        for inner in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(inner) and isinstance(inner, type) and inner not in found:
                found += [part for part in parts_of(inner) if part not in found]
    return found


# ---- parts


def _hints(kind: Any) -> dict[str, Any]:
    found = _HINTS.get(kind)
    if found is None:
        hints = get_type_hints(kind)
        found = _HINTS[kind] = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return found


def _parsed(kind: Any, value: Any, where: str, limits: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        return _parsed_message(kind, value, where)
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(kind) if part is not type(None)]
        return None if value is None else _parsed(inner, value, where, limits)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise LipwrightError(f"{where} has to be a list.")
        _check(len(value), where, limits, "Items", "entries")
        return tuple(_parsed(get_args(kind)[0], one, f"{where}[{i}]", {}) for i, one in enumerate(value))
    if kind is bool:
        if not isinstance(value, bool):
            raise LipwrightError(f"{where} has to be true or false.")
    elif kind is str:
        if not isinstance(value, str):
            raise LipwrightError(f"{where} has to be a text.")
        _check(len(value), where, limits, "Length", "characters")
        if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
            raise LipwrightError(f"{where} has to be of the form {limits['pattern']}")
    else:
        value = _parsed_number(kind, value, where, limits)
    if "enum" in limits and value not in limits["enum"]:
        raise LipwrightError(f"{where} has to be one of {', '.join(map(str, limits['enum']))}.")
    return value


def _parsed_message(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise LipwrightError(f"{where or 'a message'} has to be a JSON object.")
    hints = _hints(kind)
    given = {name: one for name, one in value.items() if name != "type" or not hasattr(kind, "TYPE")}
    unknown = sorted(set(given) - set(hints))
    if unknown:
        raise LipwrightError(
            f"{where + '.' if where else ''}{unknown[0][:40]} is not known here; there is"
            f" {', '.join(hints) or 'nothing to give'}."
        )
    found = {}
    for field in dataclasses.fields(kind):
        inner = f"{where}.{field.name}" if where else field.name
        if field.name in given:
            found[field.name] = _parsed(hints[field.name], given[field.name], inner, field.metadata)
        elif field.default is dataclasses.MISSING:
            raise LipwrightError(f"{inner} is missing.")
    return kind(**found)


def _parsed_number(kind: Any, value: Any, where: str, limits: Any) -> Any:
    right = int if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, right):
        raise LipwrightError(f"{where} has to be a {'whole ' if kind is int else ''}number.")
    low, high = limits.get("minimum", -math.inf), limits.get("maximum", math.inf)
    if not low <= value <= high or abs(value) > 1e12:
        raise LipwrightError(f"{where} has to be {_between(low, high)}.")
    return kind(value)


def _check(count: int, where: str, limits: Any, what: str, unit: str) -> None:
    low, high = limits.get(f"min{what}", 0), limits.get(f"max{what}", math.inf)
    if not low <= count <= high:
        raise LipwrightError(f"{where} has to have {_between(low, high)} {unit}.")


def _between(low: float, high: float) -> str:
    if math.isinf(high):
        return "less" if math.isinf(low) else f"{low:g} or more"
    return f"{high:g} or less" if math.isinf(low) else f"{low:g} to {high:g}"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_json(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _schema_of(kind: Any, metadata: Any) -> dict[str, Any]:
    about = {key: value for key, value in metadata.items() if value is not None}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return {"$ref": f"#/components/schemas/{kind.__name__}", **about}
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(kind) if part is not type(None)]
        found = _schema_of(inner, metadata)
        return {**found, "type": [found["type"], "null"]}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema_of(get_args(kind)[0], {}), **about}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": names[kind], **{key: list(v) if key == "enum" else v for key, v in about.items()}}


def _default(field: dataclasses.Field[Any]) -> dict[str, Any]:
    return {} if field.default is dataclasses.MISSING else {"default": _plain(field.default)}


def _no_number(name: str) -> float:
    raise ValueError(name)
