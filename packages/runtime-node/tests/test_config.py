"""Where an agent's configuration comes from, and what is said when it cannot work. Plain data, no process, hardly a file."""

from pathlib import Path

import pytest

from runtime_node import ConfigError, CredentialError, LocalServer, RuntimeConfig, default_runtime_id, parse_runtime_args
from runtime_node.config import Found, Surroundings, parse_flags, resolve

NOTEBOOK = {"notebook": Found("n1", "--notebook")}
LOCAL = LocalServer(url="http://127.0.0.1:8585", pid=7)


def around(tmp_path: Path, *, local: LocalServer | None = LOCAL, token: str | CredentialError = "from-file") -> Surroundings:
    def read(path: Path) -> str:
        if isinstance(token, CredentialError):
            raise token
        return f"{token}:{path.name}"

    return Surroundings(hostname="my.machine", cwd=tmp_path, data=tmp_path / "data", local_server=local, read_token=read)


def problems(found: dict[str, Found], token: str | None, surroundings: Surroundings) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(found, token, surroundings)
    return [str(problem) for problem in caught.value.problems]


def test_a_notebook_is_all_that_must_be_told_beside_a_running_server(tmp_path: Path) -> None:
    assert resolve(NOTEBOOK, None, around(tmp_path)) == RuntimeConfig(
        notebook="n1",
        server="http://127.0.0.1:8585",
        token="from-file:token",
        client_id=None,
        runtime="python",
        runtime_id="python-my-machine",
        cwd=tmp_path,
        take_over=False,
        log_level="info",
        data=tmp_path / "data",
    )


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('notebook = "file"\nruntime = "html"\nlog-level = "error"\ntake-over = true\nserver = "http://a:1"\n')
    environ = {"RUNT_NOTEBOOK": "variable", "RUNT_RUNTIME": "echo", "RUNT_CONFIG": str(file), "RUNT_DATA": str(tmp_path), "RUNT_TOKEN": "t"}
    config = parse_runtime_args(["--notebook", "flag"], environ)
    assert (config.notebook, config.runtime, config.log_level, config.take_over) == ("flag", "echo", "error", True)
    assert (config.server, config.token, config.client_id, config.data) == ("http://a:1", "t", None, tmp_path)


@pytest.mark.parametrize(
    ("flags", "variable", "expected"),
    [
        ({"token-file": Found("/f/mine", "--token-file")}, "variable", "from-file:mine"),
        ({"token-file": Found("/f/mine", "RUNT_TOKEN_FILE")}, "variable", "variable"),
        ({"token-file": Found("/f/mine", "RUNT_TOKEN_FILE")}, None, "from-file:mine"),
        ({}, "variable", "variable"),
        ({}, None, "from-file:token"),
    ],
)
def test_the_token_of_the_nearest_source_is_used(flags: dict[str, Found], variable: str | None, expected: str, tmp_path: Path) -> None:
    assert resolve(NOTEBOOK | flags, variable, around(tmp_path)).token == expected


def test_the_local_token_goes_to_no_other_server(tmp_path: Path) -> None:
    elsewhere = {"server": Found("https://example.org", "--server")}
    assert problems(NOTEBOOK | elsewhere, None, around(tmp_path)) == [
        "--token-file: is missing (or RUNT_TOKEN_FILE, or `token-file` in the configuration file; "
        "make a token with `runt token` where the server runs; RUNT_TOKEN may hold the token itself)"
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
    assert problems(found | {"token-file": Found("/t", "--token-file")}, None, around(tmp_path, token=damaged)) == [
        "--notebook: is missing (or RUNT_NOTEBOOK, or `notebook` in the configuration file; "
        "copy the id from the notebook's address, or see `runt notebook`)",
        "RUNT_SERVER: is not a server's address (such as http://127.0.0.1:8585)",
        "--token-file: /t: others may read it (run `chmod 600 /t`)",
        "--runtime: 'pyhton' is not known (choose one of python, echo, html)",
        "--runtime-id: 'a b' is not an id (ids match [A-Za-z0-9_-]{1,64})",
        "config.toml: cwd: nowhere is not a folder (give one that exists)",
        "RUNT_LOG_LEVEL: 'loud' is not known (choose one of debug, info, warning, error)",
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--token", "secret"], ["--token: a token is never given on the command line"]),
        (["--token=secret"], ["--token: a token is never given on the command line"]),
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
    assert "secret" not in "".join(map(str, wrong))


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
        ("notebook = 3", 'notebook: must be a text (such as notebook = "ID")'),
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
    assert "secret" not in repr(resolve(NOTEBOOK, "secret", around(tmp_path)))


@pytest.mark.parametrize(
    ("hostname", "made"), [("box", "python-box"), ("a.b c", "python-a-b-c"), ("", "python-here"), ("x" * 99, "python-" + "x" * 57)]
)
def test_a_runtime_is_named_after_its_machine(hostname: str, made: str) -> None:
    assert default_runtime_id("python", hostname) == made
