"""Turns what IPython's formatters return into MIME bundles of strings that any language can read.

Text is itself, bytes become base64, JSON types become JSON text; lone surrogates become U+FFFD.
"""

import json
import math
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, cast


def clean_text(text: str) -> str:
    """Make text encodable: surrogate pairs are joined, lone surrogates become U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_json(mime_type: str) -> bool:
    """Whether values of this type are JSON (RFC 6839 for the suffix)."""
    essence = mime_type.partition(";")[0].strip()
    return essence == "application/json" or essence.endswith("+json")


def encode_bundle(data: Mapping[Any, Any]) -> tuple[dict[str, str], list[str]]:
    """Encode a bundle as formatters return it.

    Returns:
        The bundle, and a sentence for every value that could not be shown; such a value is left out, and when nothing
        else is left its repr stands in as text/plain.
    """
    bundle: dict[str, str] = {}
    problems: list[str] = []
    for mime_type, value in data.items():
        name = _readable_name(clean_text(str(mime_type)), value)
        try:
            bundle[name] = _encode(name, value)
        except (TypeError, ValueError, RecursionError) as error:
            problems.append(f"{name} of this output is left out, it cannot be encoded: {clean_text(str(error))}")
            bundle.setdefault("text/plain", clean_text(str(data.get("text/plain") or _safe_repr(value))))
    return bundle, problems


def encode_metadata(metadata: Mapping[Any, Any] | None) -> str:
    """Encode metadata as JSON text; what is not JSON becomes its str()."""
    if not metadata:
        return "{}"
    try:
        return clean_text(json.dumps(_finite(metadata), ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):
        return "{}"


def json_ready(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Make a mapping what JSON can hold: NaN and infinities become null, arrays become lists, other objects their str()."""
    try:
        text = _json_text(value)
    except TypeError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    return json.loads(clean_text(text))


def _readable_name(mime_type: str, value: Any) -> str:
    # altair 6 says `application/vnd.vegalite.v6.json`; nbformat, and so every reader of notebooks, takes `+json` alone for JSON
    dotted = mime_type.startswith("application/vnd.") and mime_type.endswith(".json") and isinstance(value, Mapping)
    return f"{mime_type.removesuffix('.json')}+json" if dotted else mime_type


def _encode(mime_type: str, value: Any) -> str:
    if is_json(mime_type):
        return clean_text(_json_text(value))
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode("ascii")
    if isinstance(value, (list, tuple)):
        lines = cast("list[Any]", value)  # isinstance cannot say of what
        if all(isinstance(line, str) for line in lines):
            return clean_text("".join(lines))  # nbformat's multi-line strings
    raise TypeError(f"a {type(cast('object', value)).__name__} is neither text nor bytes")


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:  # NaN and infinities, which JSON lacks and charts are full of
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _finite(value.tolist())
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, Any]", value)  # isinstance cannot say of what; as below
        return {key if isinstance(key, (str, int)) or key is None else str(key): _finite(item) for key, item in fields.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # a repr of user code may raise anything
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
