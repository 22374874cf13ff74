"""What a runtime in a page is told: the address, then what this browser keeps, then the page, then defaults.

`read_config` is pure, and everything wrong is said at once.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast, get_args
from urllib.parse import parse_qsl

from runtime_schema.ids import ID_PATTERN, RuntimeSessionId, is_id
from runtime_schema.json_text import Json
from runtime_schema.media import INLINE_LIMIT_BYTES

from .errors import BrowserConfigError, Problem

ValueT = TypeVar("ValueT")

RuntimeType = Literal["python", "html", "echo"]
RUNTIME_TYPES: tuple[RuntimeType, ...] = get_args(RuntimeType)
LEVELS = ("debug", "info", "warning", "error")
STORAGE_PREFIX = "runt.runtime."
YES, NO = ("yes", "true", "1", "on"), ("no", "false", "0", "off")
DAY_MS = 24 * 60 * 60 * 1000
MAX_INLINE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be told: its name, what it means, and an example."""

    name: str
    meaning: str
    example: str

    @property
    def parameter(self) -> str:
        """Its name in the address."""
        return self.name if self.name.startswith("runtime") else f"runtime-{self.name}"

    @property
    def key(self) -> str:
        """Its key in localStorage."""
        return STORAGE_PREFIX + self.name


SETTINGS: tuple[Setting, ...] = (
    Setting("runtime", f"what runs the cells: {', '.join(RUNTIME_TYPES)}", "python"),
    Setting("runtime-id", "name that stays the same over restarts", "my-browser"),
    Setting("lost-after-ms", "how long the connection may be gone before running work is given up", "60000"),
    Setting("inline-limit-bytes", "larger representations become artifacts", "32768"),
    Setting("log-level", f"{', '.join(LEVELS)}, on the browser's console", "debug"),
    Setting("load-imports", "whether packages are loaded when a cell imports them", "no"),
    Setting("cancel-grace-ms", "how long a cancelled cell may take before the agent asks for a fresh worker", "60000"),
)
_BY_PARAMETER = {setting.parameter: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserConfig:
    """Everything a worker needs to know. Without a `runtime_id` it gets one that nobody else has.

    `takeover` and `replaces` come from the page alone: a person's wish, not a link's.
    """

    runtime: RuntimeType = "python"
    runtime_id: str | None = None
    lost_after_ms: int = 60_000
    inline_limit_bytes: int = INLINE_LIMIT_BYTES
    log_level: str = "warning"
    load_imports: bool = True
    cancel_grace_s: float = 3600.0
    takeover: bool = False
    replaces: RuntimeSessionId | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it was told."""

    text: str
    where: str


def read_config(search: str, storage: Mapping[str, str], defaults: Mapping[str, Json]) -> BrowserConfig:
    """Read a runtime's settings.

    Args:
        search: The address's query, such as `?runtime=html`.
        storage: What localStorage holds; keys of others are ignored.
        defaults: What the page gives, by the settings' names, besides `takeover` and `replaces`; null is as if left out.

    Raises:
        BrowserConfigError: Lists everything that is wrong, each with a hint.
    """
    problems: list[Problem] = []
    found = _from_page(defaults) | _from_storage(storage) | _from_address(search, problems)
    reader = _Reader(found, problems)
    usual = BrowserConfig()
    config = BrowserConfig(
        runtime=cast("RuntimeType", reader.one_of("runtime", RUNTIME_TYPES, usual.runtime)),  # or there is a problem
        runtime_id=reader.id("runtime-id"),
        lost_after_ms=reader.number("lost-after-ms", 1, DAY_MS, usual.lost_after_ms),
        inline_limit_bytes=reader.number("inline-limit-bytes", 0, MAX_INLINE_BYTES, usual.inline_limit_bytes),
        log_level=reader.one_of("log-level", LEVELS, usual.log_level),
        load_imports=reader.one_of("load-imports", YES + NO, "yes") in YES,
        cancel_grace_s=reader.number("cancel-grace-ms", 1, DAY_MS, round(usual.cancel_grace_s * 1000)) / 1000,
        takeover=reader.one_of("takeover", YES + NO, "no") in YES,
        replaces=cast("RuntimeSessionId | None", reader.id("replaces")),  # a session's id looks like any other
    )
    if problems:
        raise BrowserConfigError(tuple(problems))
    return config


def _from_page(defaults: Mapping[str, Json]) -> dict[str, Found]:
    names = (*(setting.name for setting in SETTINGS), "takeover", "replaces")
    return {name: Found(_text(value), f"the page's {name}") for name in names if (value := defaults.get(name)) is not None}


def _from_storage(storage: Mapping[str, str]) -> dict[str, Found]:
    return {setting.name: Found(storage[setting.key], f"localStorage {setting.key}") for setting in SETTINGS if setting.key in storage}


def _from_address(search: str, problems: list[Problem]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for parameter, text in parse_qsl(search.removeprefix("?"), keep_blank_values=True):
        where = f"the address's {parameter}"
        setting = _BY_PARAMETER.get(parameter)
        if setting is None and parameter.startswith("runtime"):
            close = difflib.get_close_matches(parameter, _BY_PARAMETER, 1, 0)[0]
            problems.append(Problem(where, "unknown setting", f"did you mean {close}?"))
        elif setting is not None and setting.name in found:
            problems.append(Problem(where, "is told twice", "leave one of them out"))
        elif setting is not None:
            found[setting.name] = Found(text, where)
    return found


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class _Reader:
    """Reads values by name and notes what is wrong with them."""

    def __init__(self, found: Mapping[str, Found], problems: list[Problem]) -> None:
        self._found = found
        self._problems = problems

    def one_of(self, name: str, values: Iterable[str], default: str) -> str:
        def check(text: str) -> str | None:
            return text.lower() if text.lower() in values else None

        return self._read(name, check, default, "is not known", f"choose one of {', '.join(values)}")

    def id(self, name: str) -> str | None:
        return self._read(name, lambda text: text if is_id(text) else None, None, "is not an id", f"ids match {ID_PATTERN}")

    def number(self, name: str, least: int, most: int, default: int) -> int:
        def check(text: str) -> int | None:
            plain = text.isascii() and text.isdigit() and len(text) <= len(str(most))
            return int(text) if plain and least <= int(text) <= most else None

        return self._read(name, check, default, "does not fit", f"give a whole number from {least} to {most}")

    def _read(self, name: str, check: Callable[[str], ValueT | None], default: ValueT, problem: str, hint: str) -> ValueT:
        found = self._found.get(name)
        if found is None:
            return default
        value = check(found.text)
        if value is None:
            self._problems.append(Problem(found.where, f"{found.text!r:.80} {problem}", hint))
            return default
        return value
