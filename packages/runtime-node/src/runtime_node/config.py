"""What an agent is told: flags, then environment, then configuration file, then defaults; everything wrong is said at once.

`resolve` is pure. `parse_runtime_args` reads the files and the environment around it.
"""

import difflib
import os
import re
import socket
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from runtime_schema.ids import ID_PATTERN, is_id

from .credentials import TOKEN_FILE, LocalServer, default_config_file, default_data_folder, find_login, find_server, read_token
from .errors import ConfigError, CredentialError, Problem
from .interpreters import interpreter_command
from .logs import LEVELS

RUNTIME_TYPES = ("python", "echo", "html")
JUPYTER = "jupyter:"
"""What stands before the name of a Jupyter kernel in `--runtime`."""
LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be told: its flag, what it means, an example, and where else it may be told."""

    flag: str
    meaning: str
    value: str = "TEXT"
    in_file: bool = True

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "RUNT_" + self.key.replace("-", "_").upper()

    @property
    def key(self) -> str:
        """Its key in the configuration file."""
        return self.flag.removeprefix("--")


OPTIONS: tuple[Option, ...] = (
    Option("--notebook", "id of the notebook to work for (required)", "ID"),
    Option("--server", "the server's address; by default the one that runs on the data folder", "URL"),
    Option("--token-file", "file with the token, readable by you alone", "FILE"),
    Option("--token", "the token itself; others on this machine can read a command line, so better by RUNT_TOKEN", "TOKEN", in_file=False),
    Option("--client-id", "your user id; must be the token's, and is asked of the server by default", "ID"),
    Option(
        "--runtime", f"what runs the cells: {', '.join(RUNTIME_TYPES)}, or {JUPYTER}NAME for a Jupyter kernel (default: python)", "TYPE"
    ),
    Option("--runtime-id", "name that stays the same over restarts (default: from the type and this machine's name)", "ID"),
    Option("--cwd", "folder that cells run in (default: the current one)", "FOLDER"),
    Option("--env", "a variable that cells see; may be given again for others, in the file it is a table", "NAME=VALUE"),
    Option("--python", "interpreter that runs the cells; it needs IPython (default: the agent's own)", "PATH"),
    Option("--venv", "virtual environment whose interpreter runs the cells", "FOLDER"),
    Option("--project", "uv project whose environment runs the cells", "FOLDER"),
    Option("--memory", "how much memory cells may take, such as 2G or 512Mi (default: no limit)", "SIZE"),
    Option("--timeout", "how long one cell may run, such as 90s or 2h (default: for ever)", "TIME"),
    Option("--prewarm", "keep a second Python waiting, so that a restart takes no time: yes or no (default: no)", "YES"),
    Option("--take-over", "replace the notebook's active runtime: yes or no (default: no)", "YES"),
    Option("--log-level", f"{', '.join(LEVELS)} (default: info)", "LEVEL"),
    Option("--log-format", "text, or json for an object a line (default: text)", "FORMAT"),
    Option("--data", "folder for what must survive a restart (default: this platform's)", "FOLDER", in_file=False),
    Option("--config", "configuration file, TOML with these names as keys (default: this platform's)", "FILE", in_file=False),
)
_BY_FLAG = {option.flag: option for option in OPTIONS}
_BY_KEY = {option.key: option for option in OPTIONS}
_SHORT = {"-n": "--notebook", "-s": "--server", "-r": "--runtime"}
_BETWEEN = "\0"
"""Between the variables of several `--env`: the one character that none can hold."""
_SWITCHES = ("take-over", "prewarm")
_YES, _NO = ("yes", "true", "1", "on"), ("no", "false", "0", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """Everything an agent's process needs to know. `client_id` is None until the server was asked."""

    notebook: str
    server: str
    token: str = field(repr=False)
    client_id: str | None
    runtime: str
    runtime_id: str
    cwd: Path
    env: Mapping[str, str]
    python: tuple[str, ...] | None
    memory_bytes: int | None
    timeout_s: float | None
    prewarm: bool
    take_over: bool
    log_level: str
    log_format: LogFormat
    data: Path


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it was told, for the error that may name it."""

    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around the flags: the machine's name, the folder, the data folder's server, and how to read a token file."""

    hostname: str
    cwd: Path
    data: Path
    local_server: LocalServer | None
    read_token: Callable[[Path], str]
    login: Callable[[str], str | None] = lambda _: None
    """Finds the token that `runt login` has kept for a server."""
    kernels: Callable[[], Sequence[str]] = tuple
    """Names the installed Jupyter kernels, which takes a while."""


def parse_runtime_args(args: Sequence[str], environ: Mapping[str, str] | None = None) -> RuntimeConfig:
    """Read an agent's configuration.

    Args:
        args: Flags, as behind `runt agent`.
        environ: Environment variables; by default the process's.

    Raises:
        ConfigError: Lists everything that is missing or wrong, each with a hint.
    """
    environ = os.environ if environ is None else environ
    flags, problems = parse_flags(args)
    found = dict(_from_environment(environ)) | flags
    in_file, more = _read_config_file(found.get("config"))
    data = Path(found["data"].text).expanduser() if "data" in found else default_data_folder()
    around = Surroundings(
        hostname=socket.gethostname(),
        cwd=Path.cwd(),
        data=data.absolute(),
        local_server=find_server(data),
        read_token=read_token,
        login=find_login,
        kernels=_kernel_names,
    )
    return resolve(in_file | found, around, problems + more)


def parse_flags(args: Sequence[str]) -> tuple[dict[str, Found], list[Problem]]:
    """Sort flags into values by key, and whatever is wrong with them."""
    found: dict[str, Found] = {}
    problems: list[Problem] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        flag = _SHORT.get(flag, flag)
        option = _BY_FLAG.get(flag)
        if not equals:
            value = ""
            if option is not None and option.key in _SWITCHES and (not rest or rest[0].lower() not in _YES + _NO):
                value = "yes"
            elif rest and not rest[0].startswith("-"):
                value = rest.pop(0)
        if option is not None and value:
            earlier = found.get(option.key) if option.key == "env" else None
            found[option.key] = Found(f"{earlier.text}{_BETWEEN}{value}" if earlier else value, flag)
        elif option is not None:
            problems.append(Problem(flag, "needs a value", f"such as {flag} {option.value}"))
        else:
            close = difflib.get_close_matches(flag, _BY_FLAG, 1)
            problems.append(Problem(flag, "unknown flag", f"did you mean {close[0]}?" if close else "see --help"))
    return found, problems


def resolve(found: Mapping[str, Found], around: Surroundings, problems: Sequence[Problem] = ()) -> RuntimeConfig:
    """Make the configuration of what was found.

    Args:
        found: Values by key, the strongest of each.
        around: What defaults come from.
        problems: What is already known to be wrong.

    Raises:
        ConfigError: Lists everything that is missing or wrong, each with a hint.
    """
    reader = _Reader(found, list(problems))
    notebook = reader.required_id("notebook", "copy the id from the notebook's address, or see `runt notebook`")
    server = _server(reader, around)
    token = _token(reader, server, around)
    runtime = _runtime(reader, around)
    config = RuntimeConfig(
        notebook=notebook,
        server=server,
        token=token,
        client_id=reader.text("client-id"),
        runtime=runtime,
        runtime_id=reader.id("runtime-id") or default_runtime_id(runtime, around.hostname),
        cwd=_cwd(reader, around),
        env=_env(reader),
        python=_python(reader, runtime),
        memory_bytes=_whole(reader.quantity("memory", _BYTES, "such as 2G or 512Mi")),
        timeout_s=reader.quantity("timeout", _SECONDS, "such as 90s, 5m or 2h"),
        prewarm=reader.one_of("prewarm", _YES + _NO, "no") in _YES,
        take_over=reader.one_of("take-over", _YES + _NO, "no") in _YES,
        log_level=reader.one_of("log-level", LEVELS, "info"),
        log_format=cast("LogFormat", reader.one_of("log-format", LOG_FORMATS, "text")),  # one of them, or there is a problem
        data=around.data,
    )
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    return config


def default_runtime_id(runtime: str, hostname: str) -> str:
    """Name the runtime of this machine: letters, digits, `_` and `-`."""
    return "".join(letter if is_id(letter) else "-" for letter in f"{runtime}-{hostname or 'here'}")[:64]


class _Reader:
    """Reads values by key and notes what is wrong with them."""

    def __init__(self, found: Mapping[str, Found], problems: list[Problem]) -> None:
        self._found = found
        self.problems = problems

    def get(self, key: str) -> Found | None:
        return self._found.get(key)

    def text(self, key: str) -> str | None:
        found = self.get(key)
        return None if found is None else found.text

    def id(self, key: str) -> str | None:
        found = self.get(key)
        if found is not None and not is_id(found.text):
            self.problems.append(Problem(found.where, f"{found.text!r} is not an id", f"ids match {ID_PATTERN}"))
        return None if found is None else found.text

    def required_id(self, key: str, hint: str) -> str:
        value = self.id(key)
        if value is None:
            self.missing(key, hint)
        return value or ""

    def one_of(self, key: str, values: Sequence[str], default: str) -> str:
        found = self.get(key)
        if found is None:
            return default
        value = found.text.lower()
        if value not in values:
            self.problems.append(Problem(found.where, f"{found.text!r} is not known", f"choose one of {', '.join(values)}"))
        return value

    def quantity(self, key: str, units: Mapping[str, float], hint: str) -> float | None:
        found = self.get(key)
        if found is None:
            return None
        matched = _QUANTITY.fullmatch(found.text.strip().lower())
        number, unit = (matched[1], matched[2]) if matched is not None else ("0", "")
        unit = unit if unit in units else unit.removesuffix("b")
        value = float(number) * units.get(unit, 0)
        if value <= 0:
            self.wrong(found, f"{found.text!r} is not known", hint)
        return value

    def missing(self, key: str, hint: str) -> None:
        option = _BY_KEY[key]
        self.problems.append(Problem(option.flag, "is missing", f"or {option.variable}, or `{key}` in the configuration file; {hint}"))

    def wrong(self, found: Found, problem: str, hint: str) -> None:
        self.problems.append(Problem(found.where, problem, hint))


def _server(reader: _Reader, around: Surroundings) -> str:
    found = reader.get("server")
    if found is None:
        if around.local_server is not None:
            return around.local_server.url
        reader.missing("server", "start one with `runt notebook` or `runt serve`, or give the address of another machine's")
        return ""
    try:
        parts = urlsplit(found.text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
        parts = urlsplit("")
    if not fits or parts.query or parts.fragment or parts.username:
        reader.wrong(found, "is not a server's address", "such as http://127.0.0.1:8585")
    return found.text.rstrip("/")


def _token(reader: _Reader, server: str, around: Surroundings) -> str:
    told, found = reader.get("token"), reader.get("token-file")
    if told is not None and (told.where == "--token" or found is None or found.where != "--token-file"):
        return told.text
    path = None
    if found is not None:
        path = Path(found.text).expanduser()
    elif around.local_server is not None and around.local_server.url == server:  # nobody else's server gets this token
        path = around.data / TOKEN_FILE
    try:
        if path is None and (kept := around.login(server)) is not None:
            return kept
        if path is None:
            reader.missing("token-file", "log in once with `runt login`; RUNT_TOKEN may hold a token itself")
            return ""
        return around.read_token(path)
    except CredentialError as exc:
        where = found.where if found is not None else "--token-file"
        reader.problems.append(Problem(where, f"{exc.path}: {exc.problem}", exc.hint))
        return ""


def _runtime(reader: _Reader, around: Surroundings) -> str:
    found = reader.get("runtime")
    if found is None or not found.text.startswith(JUPYTER):
        return reader.one_of("runtime", (*RUNTIME_TYPES, f"{JUPYTER}NAME"), "python")
    name, known = found.text.removeprefix(JUPYTER), around.kernels()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {JUPYTER}{close[0]}?" if close else f"installed are {', '.join(known)}" if known else "none is installed"
        reader.wrong(found, f"there is no Jupyter kernel {name!r}", hint)
    return found.text


def _env(reader: _Reader) -> dict[str, str]:
    found = reader.get("env")
    variables: dict[str, str] = {}
    for line in found.text.split(_BETWEEN) if found is not None else ():
        name, equals, value = line.partition("=")
        if not equals or not name or found is None:
            reader.problems.append(Problem(found.where if found else "--env", f"{line!r} sets no variable", "write NAME=VALUE"))
        variables[name] = value
    return variables


def _python(reader: _Reader, runtime: str) -> tuple[str, ...] | None:
    told = {key: found for key in ("python", "venv", "project") if (found := reader.get(key)) is not None}
    if not told:
        return None
    (key, found), *others = told.items()
    if others:
        reader.wrong(others[0][1], f"cannot be given beside --{key}", "give one of --python, --venv and --project")
    elif runtime != "python":
        reader.wrong(found, f"is for --runtime python, not {runtime}", "leave it out")
    else:
        try:
            return interpreter_command(**{key: Path(found.text)})
        except ConfigError as exc:
            reader.problems += [Problem(found.where, problem.problem, problem.hint) for problem in exc.problems]
    return None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _cwd(reader: _Reader, around: Surroundings) -> Path:
    found = reader.get("cwd")
    if found is None:
        return around.cwd
    path = around.cwd / Path(found.text).expanduser()
    if not path.is_dir():
        reader.wrong(found, f"{found.text} is not a folder", "give one that exists")
    return path


def _kernel_names() -> Sequence[str]:
    from .jupyter_kernel import kernel_names  # heavy, and only for those who name a kernel

    return kernel_names()


def _from_environment(environ: Mapping[str, str]) -> dict[str, Found]:
    return {option.key: Found(environ[option.variable], option.variable) for option in OPTIONS if environ.get(option.variable)}


def _read_config_file(told: Found | None) -> tuple[dict[str, Found], list[Problem]]:
    path = Path(told.text).expanduser() if told is not None else default_config_file()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, [] if told is None else [Problem(told.where, f"there is no file {path}", "check the path")]
    except (OSError, UnicodeDecodeError) as exc:
        return {}, [Problem(str(path), f"cannot be read: {exc}", "check its permissions")]
    except tomllib.TOMLDecodeError as exc:
        return {}, [Problem(str(path), f"is not TOML: {exc}", 'write lines such as runtime = "python"')]
    return _from_file(values, path)


def _from_file(values: Mapping[str, object], path: Path) -> tuple[dict[str, Found], list[Problem]]:
    found: dict[str, Found] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        option, where = _BY_KEY.get(key), f"{path}: {key}"
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, (int, float)):
            value = str(value)
        elif key == "env" and isinstance(value, dict):
            value = _BETWEEN.join(f"{name}={text}" for name, text in cast("dict[str, object]", value).items())
        if key == "token":
            problems.append(
                Problem(where, "a token does not stand in the configuration file", "put it in a file of its own for token-file")
            )
        elif option is None or not option.in_file:
            close = difflib.get_close_matches(key, [option.key for option in OPTIONS if option.in_file], 1)
            problems.append(Problem(where, "unknown key", f"did you mean {close[0]}?" if close else "see `runt agent --help`"))
        elif not isinstance(value, str) or not value:
            problems.append(Problem(where, "must be a text", f'such as {key} = "{option.value}"'))
        else:
            found[key] = Found(value, where)
    return found, problems
