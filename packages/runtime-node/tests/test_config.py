"""Where an agent's configuration comes from, and what is said when it cannot work. Plain data, no process, hardly a file."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_node import ConfigError, CredentialError, LocalServer, RuntimeConfig, default_runtime_id, parse_runtime_args
from runtime_node.config import Found, Surroundings, parse_flags, resolve

NOTEBOOK = {"notebook": Found("n1", "--notebook")}
VARIABLE = {"token": Found("variable", "RUNT_TOKEN")}
LOCAL = LocalServer(url="http://127.0.0.1:8585", pid=7)


def around(tmp_path: Path, *, local: LocalServer | None = LOCAL, token: str | CredentialError = "from-file") -> Surroundings:
    def read(path: Path) -> str:
        if isinstance(token, CredentialError):
            raise token
        return f"{token}:{path.name}"

    return Surroundings(hostname="my.machine", cwd=tmp_path, data=tmp_path / "data", local_server=local, read_token=read)


def problems(found: dict[str, Found], surroundings: Surroundings) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(found, surroundings)
    return [str(problem) for problem in caught.value.problems]


def test_a_notebook_is_all_that_must_be_told_beside_a_running_server(tmp_path: Path) -> None:
    assert resolve(NOTEBOOK, around(tmp_path)) == RuntimeConfig(
        notebook="n1",
        server="http://127.0.0.1:8585",
        token="from-file:token",
        client_id=None,
        runtime="python",
        runtime_id="python-my-machine",
        cwd=tmp_path,
        env={},
        python=None,
        memory_bytes=None,
        timeout_s=None,
        prewarm=False,
        take_over=False,
        log_level="info",
        log_format="text",
        data=tmp_path / "data",
    )


def test_what_cells_run_in_is_told_in_many_ways(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('timeout = 90\nmemory = "512Mi"\nlog-format = "json"\n[env]\nA = "from the file"\nB = 2\n')
    environ = {"RUNT_CONFIG": str(file), "RUNT_DATA": str(tmp_path), "RUNT_TOKEN": "t", "RUNT_MEMORY": "1.5GB"}
    config = parse_runtime_args(["--notebook=n", "--server=http://a:1", "--python", sys.executable, "--prewarm"], environ)
    assert (config.timeout_s, config.memory_bytes, config.log_format, config.prewarm) == (90, 1_500_000_000, "json", True)
    assert config.env == {"A": "from the file", "B": "2"}
    assert config.python == (sys.executable,)
    config = parse_runtime_args(["--notebook=n", "--server=http://a:1", "--env", "A=1", "--env=B=x=y", "--timeout", "2h"], environ)
    assert (config.env, config.timeout_s) == ({"A": "1", "B": "x=y"}, 7200)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("memory", "much", "'much' is not known (such as 2G or 512Mi)"),
        ("memory", "0", "'0' is not known (such as 2G or 512Mi)"),
        ("timeout", "2 weeks", "'2 weeks' is not known (such as 90s, 5m or 2h)"),
        ("env", "NAME", "'NAME' sets no variable (write NAME=VALUE)"),
        ("log-format", "xml", "'xml' is not known (choose one of text, json)"),
        ("venv", "nowhere", "nowhere is not a virtual environment: it has no python (make one with `python -m venv nowhere`)"),
        ("runtime", "jupyter:", "there is no Jupyter kernel '' (installed are ir, python3)"),
        ("runtime", "jupyter:pyhton3", "there is no Jupyter kernel 'pyhton3' (did you mean jupyter:python3?)"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_a_hint(key: str, text: str, said: str, tmp_path: Path) -> None:
    surroundings = replace(around(tmp_path), kernels=lambda: ("ir", "python3"))
    assert problems(NOTEBOOK | {key: Found(text, f"--{key}")}, surroundings) == [f"--{key}: {said}"]


def test_a_jupyter_kernel_has_a_runtime_id_of_its_own(tmp_path: Path) -> None:
    found = NOTEBOOK | {"runtime": Found("jupyter:ir", "--runtime")}
    config = resolve(found, replace(around(tmp_path), kernels=lambda: ("ir",)))
    assert (config.runtime, config.runtime_id) == ("jupyter:ir", "jupyter-ir-my-machine")


def test_only_one_interpreter_can_be_told_and_only_for_python(tmp_path: Path) -> None:
    both = {"python": Found(sys.executable, "--python"), "venv": Found("v", "RUNT_VENV")}
    assert problems(NOTEBOOK | both, around(tmp_path)) == [
        "RUNT_VENV: cannot be given beside --python (give one of --python, --venv and --project)"
    ]
    other = {"python": Found(sys.executable, "--python"), "runtime": Found("echo", "--runtime")}
    assert problems(NOTEBOOK | other, around(tmp_path)) == ["--python: is for --runtime python, not echo (leave it out)"]


def test_a_kept_login_is_used_for_its_server_and_no_other(tmp_path: Path) -> None:
    elsewhere = {"server": Found("https://example.org/", "--server")}
    surroundings = replace(around(tmp_path), login={"https://example.org": "kept"}.get)
    assert resolve(NOTEBOOK | elsewhere, surroundings).token == "kept"
    assert resolve(NOTEBOOK | elsewhere | VARIABLE, surroundings).token == "variable"
    assert resolve(NOTEBOOK, surroundings).token == "from-file:token"


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('notebook = "file"\nruntime = "html"\nlog-level = "error"\ntake-over = true\nserver = "http://a:1"\n')
    environ = {"RUNT_NOTEBOOK": "variable", "RUNT_RUNTIME": "echo", "RUNT_CONFIG": str(file), "RUNT_DATA": str(tmp_path), "RUNT_TOKEN": "t"}
    config = parse_runtime_args(["--notebook", "flag"], environ)
    assert (config.notebook, config.runtime, config.log_level, config.take_over) == ("flag", "echo", "error", True)
    assert (config.server, config.token, config.client_id, config.data) == ("http://a:1", "t", None, tmp_path)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"token-file": Found("/f/mine", "--token-file")} | VARIABLE, "from-file:mine"),
        ({"token-file": Found("/f/mine", "RUNT_TOKEN_FILE")} | VARIABLE, "variable"),
        ({"token-file": Found("/f/mine", "--token-file"), "token": Found("flag", "--token")}, "flag"),
        ({"token-file": Found("/f/mine", "RUNT_TOKEN_FILE")}, "from-file:mine"),
        (VARIABLE, "variable"),
        ({}, "from-file:token"),
    ],
)
def test_the_token_of_the_nearest_source_is_used(told: dict[str, Found], expected: str, tmp_path: Path) -> None:
    assert resolve(NOTEBOOK | told, around(tmp_path)).token == expected


def test_the_local_token_goes_to_no_other_server(tmp_path: Path) -> None:
    elsewhere = {"server": Found("https://example.org", "--server")}
    assert problems(NOTEBOOK | elsewhere, around(tmp_path)) == [
        "--token-file: is missing (or RUNT_TOKEN_FILE, or `token-file` in the configuration file; "
        "log in once with `runt login`; RUNT_TOKEN may hold a token itself)"
    ]


def test_everything_wrong_is_said_at_once_with_a_hint(tmp_path: Path) -> None:
    found = {
        "server": Found("example.org", "RUNT_SERVER"),
        "runtime": Found("pyhton", "--runtime"),
        "cwd": Found("nowhere", "config.toml: cwd"),
        "runtime-id": Found("a b", "--runtime-id"),
        "log-level": Found("loud", "RUNT_LOG_LEVEL"),
    }
    damaged = CredentialError(Path("/t"), "others may read it", "run `chmod 600 /t`")
    assert problems(found | {"token-file": Found("/t", "--token-file")}, around(tmp_path, token=damaged)) == [
        "--notebook: is missing (or RUNT_NOTEBOOK, or `notebook` in the configuration file; "
        "copy the id from the notebook's address, or see `runt notebook`)",
        "RUNT_SERVER: is not a server's address (such as http://127.0.0.1:8585)",
        "--token-file: /t: others may read it (run `chmod 600 /t`)",
        "--runtime: 'pyhton' is not known (choose one of python, echo, html, jupyter:NAME)",
        "--runtime-id: 'a b' is not an id (ids match [A-Za-z0-9_-]{1,64})",
        "config.toml: cwd: nowhere is not a folder (give one that exists)",
        "RUNT_LOG_LEVEL: 'loud' is not known (choose one of debug, info, warning, error)",
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--notbook", "x"], ["--notbook: unknown flag (did you mean --notebook?)"]),
        (["--zzz"], ["--zzz: unknown flag (see --help)"]),
        (["--notebook"], ["--notebook: needs a value (such as --notebook ID)"]),
        (["--cwd", "--zzz"], ["--cwd: needs a value", "--zzz: unknown flag"]),
    ],
)
def test_a_flag_that_cannot_be_is_named(args: list[str], said: list[str]) -> None:
    found, wrong = parse_flags(args)
    assert found == {}
    assert [str(problem)[: len(start)] for problem, start in zip(wrong, said, strict=True)] == said


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["--notebook=a", "--server", "http://x"], {"notebook": "a", "server": "http://x"}),
        (["-n", "a", "-r", "echo"], {"notebook": "a", "runtime": "echo"}),
        (["--take-over", "--notebook", "a"], {"take-over": "yes", "notebook": "a"}),
        (["--take-over", "no"], {"take-over": "no"}),
    ],
)
def test_flags_take_their_value_in_every_usual_way(args: list[str], found: dict[str, str]) -> None:
    made, wrong = parse_flags(args)
    assert ({key: value.text for key, value in made.items()}, wrong) == (found, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notbook = 'x'", "notbook: unknown key (did you mean notebook?)"),
        ("token = 'x'", "token: a token does not stand in the configuration file"),
        ("notebook = [3]", 'notebook: must be a text (such as notebook = "ID")'),
        ("data = '/x'", "data: unknown key"),
        ("notebook =", "is not TOML:"),
    ],
)
def test_a_configuration_file_that_cannot_work_is_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        parse_runtime_args(
            ["--config", str(file), "--notebook", "n"], {"RUNT_TOKEN": "t", "RUNT_SERVER": "http://a", "RUNT_DATA": str(tmp_path)}
        )
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(file))
    assert said in line


def test_a_configuration_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"RUNT_CONFIG: there is no file .*missing\.toml"):
        parse_runtime_args([], {"RUNT_CONFIG": str(tmp_path / "missing.toml"), "RUNT_DATA": str(tmp_path)})


def test_the_token_stands_in_no_text_about_the_configuration(tmp_path: Path) -> None:
    assert "secret" not in repr(resolve(NOTEBOOK | {"token": Found("secret", "RUNT_TOKEN")}, around(tmp_path)))


@pytest.mark.parametrize(
    ("hostname", "made"), [("box", "python-box"), ("a.b c", "python-a-b-c"), ("", "python-here"), ("x" * 99, "python-" + "x" * 57)]
)
def test_a_runtime_is_named_after_its_machine(hostname: str, made: str) -> None:
    assert default_runtime_id("python", hostname) == made
