"""The `runt` command line: what the commands are called, what they take, and how errors are shown.

Every command imports what it needs when it runs, so that `runt --help` is quick.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from .address import DEFAULT_PORT
from .errors import FailedError, RuntError, UsageError

_EXAMPLES = """
Examples:

  runt notebook analysis.ipynb           open a notebook in the browser

  runt run analysis.ipynb -o out.ipynb   run it from top to bottom

  runt COMMAND --help                    more about a command

Exit status: 0 for success, 1 when something failed, 2 when the command cannot work as given, 130 after Ctrl-C.
"""

cli = typer.Typer(
    name="runt",
    help="Notebooks whose outputs outlive tabs and kernels.",
    epilog=_EXAMPLES,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Data = Annotated[
    Path | None, typer.Option("--data", metavar="FOLDER", envvar="RUNT_DATA", help="Where notebooks are kept (default: this platform's).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, also for errors.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help=f"Port to listen on; 0 for any free one (default: the last one, or {DEFAULT_PORT}).")
]

Pyodide = Annotated[
    str | None,
    typer.Option(
        "--pyodide",
        metavar="FOLDER|URL",
        envvar="RUNT_PYODIDE",
        help="The Python that pages run: a folder or https:// address with a release of Pyodide (default: the one in runt).",
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"runt {version('runt-notebook')}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors and a detailed log; may stand anywhere.")] = False,
) -> None:
    """Notebooks whose outputs outlive tabs and kernels."""  # both flags act where they are read


@cli.command(
    epilog="Examples:\n\n  runt notebook                     the list of notebooks\n\n"
    "  runt notebook analysis.ipynb      a file; it is made when there is none\n\n"
    "  runt notebook Penguins            a notebook by its title or id\n\n"
    "Cells run in the file's folder. Close the browser whenever you like: what runs goes on, and its output is kept.\n"
    "Ctrl-C stops the runtime, writes the file and stops the server."
)
def notebook(
    target: Annotated[str | None, typer.Argument(metavar="[FILE.ipynb|NAME]", help="An .ipynb file, or a notebook's title or id.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    port: Port = None,
    runtime: Annotated[
        Literal["python", "html", "echo", "none"], typer.Option(help="What runs the cells.", case_sensitive=False)
    ] = "python",
    pyodide: Pyodide = None,
    data: Data = None,
) -> None:
    """Open a notebook in the browser; runs on this machine."""
    from runtime_node.event_loop import run_program

    from .notebook import Wish, open_notebook

    wish = Wish(
        target=target,
        browser=browser,
        port=port,
        runtime=None if runtime == "none" else runtime,
        pyodide=_distribution(pyodide),
        data=_data(data),
    )
    raise typer.Exit(run_program(open_notebook(wish, typer.echo)))


@cli.command(
    epilog="Examples:\n\n  runt serve                        on this machine, for its own browser\n\n"
    "  runt serve --port 9000 --data /srv/runt\n\nRuntimes connect with `runt agent`; give them tokens with `runt token`."
)
def serve(
    port: Port = None,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's can then reach it.")] = "127.0.0.1",
    pyodide: Pyodide = None,
    data: Data = None,
) -> None:
    """Serve notebooks, without a runtime."""
    from runtime_node.event_loop import run_program

    from .serve import serve_until_stopped

    raise typer.Exit(run_program(serve_until_stopped(_data(data), host, port, _distribution(pyodide), typer.echo)))


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
def agent(ctx: typer.Context) -> None:
    """Run the cells of a server's notebook on this machine."""
    from runtime_node.main import main

    raise typer.Exit(main(ctx.args))


@cli.command(
    epilog="Examples:\n\n  runt run analysis.ipynb              does it run? changes no file\n\n"
    "  runt run analysis.ipynb -o out.ipynb keeps what came out in another file\n\n"
    "  runt run analysis.ipynb --inplace    keeps it in the file itself\n\n"
    "  runt run report.ipynb -p year=2026   with another value than the cell tagged `parameters` sets\n\n"
    "  runt run *.ipynb -j 4 -o results     several at once\n\n"
    "It stops at the first cell that fails, shows it, and exits with 1. The result is written also then, and after Ctrl-C.\n\n"
    "A run that was killed goes on with --resume: cells that ended well keep their outputs and are not run again, but for those "
    "tagged `setup`, since the variables are gone. Cells tagged `raises-exception` may fail, `skip-execution` are left out."
)
def run(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.ipynb", help="The notebook to run; several run one after the other.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.ipynb", help="File for the notebook with its outputs; a folder for several."),
    ] = None,
    inplace: Annotated[bool, typer.Option("--inplace", help="Write the outputs into FILE.ipynb itself.")] = False,
    cwd: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder that cells run in (default: the file's).")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Set a parameter; may be given again.")
    ] = None,
    raw: Annotated[
        list[str] | None, typer.Option("-r", "--raw", metavar="NAME=TEXT", help="Set a parameter to a text, whatever it looks like.")
    ] = None,
    kernel: Annotated[
        str | None, typer.Option(metavar="NAME", help="python, or the Jupyter kernel to run with (default: as the notebook says).")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="How long one cell may run.")] = None,
    allow_errors: Annotated[bool, typer.Option("--allow-errors", help="Run on behind cells that fail, and exit with 0.")] = False,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, metavar="N", help="How many notebooks run at once.")] = 1,
    watch: Annotated[bool, typer.Option("--watch", help="Print what cells put out, as it comes.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run of this file that was killed.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run notebooks from top to bottom, with no browser."""
    from .parameters import parse_parameters
    from .run import RunWish, run_files

    if output is not None and inplace:
        raise UsageError("bad-usage", "-o and --inplace exclude each other; give one of them")
    wish = RunWish(
        files=files,
        output=output,
        inplace=inplace,
        cwd=cwd,
        parameters=parse_parameters(parameters or (), raw or ()),
        kernel=kernel,
        timeout_s=timeout,
        allow_errors=allow_errors,
        jobs=jobs,
        watch=watch,
        resume=resume,
        as_json=as_json,
        runs=_data(data) / "runs",
    )
    raise typer.Exit(run_files(wish))


@cli.command("import", epilog="Example:\n\n  runt import analysis.ipynb --title Penguins")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.ipynb", help="The file to take in; it stays as it is.")],
    title: Annotated[str | None, typer.Option(help="The notebook's title (default: the file's name).")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a file in as a new notebook."""
    from .transfer import import_file

    made = asyncio.run(import_file(_data(data), file, title))
    typer.echo(json.dumps({"id": made.id, "title": made.title}) if as_json else f"{made.id}  {made.title}")


@cli.command(epilog="Examples:\n\n  runt export Penguins > penguins.ipynb\n\n  runt export 0199f3a2-… -o penguins.ipynb")
def export(
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="A notebook's title or id.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.ipynb", help="File to write (default: to stdout).")] = None,
    data: Data = None,
) -> None:
    """Write a notebook as an .ipynb file."""
    from .files import write_whole
    from .transfer import export_notebook

    content = asyncio.run(export_notebook(_data(data), notebook))
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        write_whole(output, content)


@cli.command(
    epilog='Examples:\n\n  runt token --name "the cluster"\n\n  runt token --role runner > ~/.runt-token && chmod 600 ~/.runt-token'
)
def token(
    name: Annotated[str, typer.Option(help="What it is for; to recognise it later.")] = "token",
    role: Annotated[
        Literal["owner", "runner", "viewer"], typer.Option(help="What it may do: everything, be a runtime, or only look.")
    ] = "runner",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a token for an agent or a script, and print it once."""
    from .transfer import make_token

    made = asyncio.run(make_token(_data(data), name, role))
    typer.echo(json.dumps({"token": made, "name": name, "role": role}) if as_json else made)


@cli.command(
    epilog="Examples:\n\n  runt login https://notebooks.example.org            asks for the token\n\n"
    "  runt login https://notebooks.example.org < token    reads it\n\n  runt login --list\n\n"
    "Then `runt agent --server https://notebooks.example.org …` needs no token."
)
def login(
    server: Annotated[str | None, typer.Argument(metavar="[SERVER]", help="The server's address.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the server's token.")] = False,
    all_of_them: Annotated[bool, typer.Option("--list", help="Name the servers there is a token for.")] = False,
) -> None:
    """Keep a server's token for this machine's agents, in a file that only you can read."""
    from .login import list_logins, log_in, log_out

    if all_of_them:
        list_logins(typer.echo)
    elif server is None or not server.startswith(("http://", "https://")):
        raise UsageError("bad-usage", "name the server, such as https://notebooks.example.org (see `runt login --help`)")
    else:
        (log_out if forget else log_in)(server, typer.echo)


pyodide_cli = typer.Typer(help="The Python that pages run.", no_args_is_help=True)
cli.add_typer(pyodide_cli, name="pyodide")


@pyodide_cli.command(
    epilog="Examples:\n\n  runt pyodide mirror ~/pyodide --from https://cdn.jsdelivr.net/pyodide/v314.0.7/full numpy pandas matplotlib\n\n"
    "  runt pyodide mirror /srv/pyodide --from /media/stick/pyodide --all\n\n"
    "Then: runt notebook --pyodide ~/pyodide\n\n"
    "Every package is compared with the sha256 in the lock file. Run again after a break: what is there and fits stays."
)
def mirror(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put it; made when it is not there.")],
    source: Annotated[str, typer.Option("--from", metavar="FOLDER|URL", help="A release of Pyodide: a folder, or an https:// address.")],
    packages: Annotated[list[str] | None, typer.Argument(metavar="[PACKAGES]...", help="Packages; what they depend on comes too.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All packages of the release.")] = False,
) -> None:
    """Copy a release of Pyodide and some of its packages into a folder, for use without the web."""
    from .mirror import find_source, mirror

    mirror(target.expanduser(), find_source(source), packages or [], typer.echo, everything=everything)


def app(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit. An error is one line, with a traceback only after `--debug`."""
    words = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    _set_up_logs(words[0], debug)
    try:
        status = typer.main.get_command(cli).main(words, prog_name="runt", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as exc:
        if debug:
            raise
        status = _report(exc, words)
    sys.exit(status)


def _set_up_logs(command: str, debug: bool) -> None:
    if debug or command in ("notebook", "serve"):
        from runtime_node import set_up_logs

        set_up_logs("debug" if debug else "warning")
    elif command in ("run", "import", "export", "token"):
        from runtime_node import silence_logs

        silence_logs()


def _report(problem: Exception, words: Sequence[str]) -> int:
    error = _as_error(problem)
    line = json.dumps({"code": error.code, "message": error.message}) if "--json" in words else f"runt: {error.message}"
    sys.stderr.write(line + "\n")
    return error.status


def _as_error(problem: Exception) -> RuntError:
    if isinstance(problem, RuntError):
        return problem
    if isinstance(problem, TyperException):
        context: typer.Context | None = getattr(problem, "ctx", None)
        about = "runt" if context is None else context.command_path
        return UsageError("bad-usage", f"{problem.format_message().rstrip('.')} (see `{about} --help`)")
    root = next((kind for kind in type(problem).__mro__ if kind.__name__ in _ROOTS), None)
    if root is not None:
        return FailedError(_code(type(problem).__name__), str(problem))
    return FailedError("internal", f"{type(problem).__name__}: {problem} (run again with --debug for the traceback)")


_ROOTS = ("RuntimeNodeError", "RuntimeServerError", "RuntimeStoreError", "RuntimeCoreError", "RuntimeSchemaError")
"""Names of the error trees below: by name, because importing them here would slow every command down."""


def _code(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("Error")).lstrip("-")


def _distribution(given: str | None) -> Path | str | None:
    if not given or "://" in given:
        return given or None
    return Path(given).expanduser().absolute()


def _data(given: Path | None) -> Path:
    if given is not None:
        return given.expanduser().absolute()
    from runtime_node.credentials import default_data_folder

    return default_data_folder()
