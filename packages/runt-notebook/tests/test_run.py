"""`runt run` as a command in a process of its own: its status, its files, what it shows, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNT_DATA", str(tmp_path.with_name(f"{tmp_path.name}-data")))


def write(path: Path, *sources: str) -> Path:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{place}", "metadata": {}, "execution_count": 9, "outputs": [], "source": source}
        for place, source in enumerate(sources)
    ]
    cells.insert(0, {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Title"})
    path.write_text(json.dumps({"cells": cells, "metadata": {"kept": [1]}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def runt(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runt", *map(str, words)]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False)


def outputs(path: Path) -> list[Any]:
    return [
        [output.get("text") or output.get("data") or output["ename"] for output in cell.get("outputs", [])] for cell in read(path)["cells"]
    ]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_run_that_is_well_prints_a_summary_and_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "x = 20", "x + 1", "   ")
    before = file.read_bytes()
    done = runt("run", file)
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert [line.partition("]")[0] for line in lines[:2]] == ["[1/2", "[2/2"]
    assert lines[2].startswith("a.ipynb: ok, 2 cells in ")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]


def test_the_result_goes_where_it_is_told(tmp_path: Path) -> None:
    file, out = write(tmp_path / "a.ipynb", "print('hi')", "6 * 7"), tmp_path / "out.ipynb"
    assert runt("run", file, "-o", out).returncode == 0
    assert outputs(out) == [[], [["hi\n"]], [{"text/plain": ["42"]}]]
    assert [cell.get("execution_count") for cell in read(out)["cells"]] == [None, 1, 2]
    assert read(out)["metadata"] == {"kept": [1]}
    assert runt("run", file, "--inplace").returncode == 0
    assert outputs(file) == outputs(out)


def test_cells_run_in_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("here")
    file = write(tmp_path / "a.ipynb", "open('data.txt').read()")
    assert runt("run", file).returncode == 0
    assert runt("run", file, "--cwd", "/").returncode == 1


def test_a_failing_cell_ends_the_run_and_is_shown(tmp_path: Path) -> None:
    file, out = write(tmp_path / "a.ipynb", "print('before')", "y = 1\n1 / 0", "print('never')"), tmp_path / "out.ipynb"
    done = runt("run", file, "-o", out)
    assert done.returncode == 1
    assert "cell 2 (c1) failed:\n\n  1 │ y = 1\n  2 │ 1 / 0\n" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("a.ipynb: cell 2 failed with ZeroDivisionError, 2 of 3 cells in ")
    assert outputs(out) == [[], [["before\n"]], ["ZeroDivisionError"], []]


def test_json_is_for_programs(tmp_path: Path) -> None:
    done = runt("run", write(tmp_path / "a.ipynb", "1", "1 / 0", "2"), "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (found["status"], found["total"], found["output"]) == ("error", 3, None)
    assert [(cell["cellId"], cell["status"], cell["errorName"]) for cell in found["cells"]] == [
        ("c0", "ok", None),
        ("c1", "error", "ZeroDivisionError"),
    ]


def test_more_cells_than_are_asked_for_at_once_all_run(tmp_path: Path) -> None:
    file, out = write(tmp_path / "a.ipynb", *(f"{place}" for place in range(50))), tmp_path / "out.ipynb"
    done = runt("run", file, "-o", out)
    assert done.returncode == 0, done.stderr
    assert outputs(out)[1:] == [[{"text/plain": [str(place)]}] for place in range(50)]


def test_large_outputs_are_whole(tmp_path: Path) -> None:
    file, out = write(tmp_path / "a.ipynb", "'x' * 300_000", "print('y' * 300_000)"), tmp_path / "out.ipynb"
    assert runt("run", file, "-o", out).returncode == 0
    (_, [first], [second]) = outputs(out)
    assert first == {"text/plain": [repr("x" * 300_000)]}
    assert "".join(second) == "y" * 300_000 + "\n"


def test_input_is_an_error_and_no_wait(tmp_path: Path) -> None:
    done = runt("run", write(tmp_path / "a.ipynb", "input('name? ')"))
    assert done.returncode == 1
    assert "nobody to ask" in done.stderr


def test_a_result_without_a_place_is_said_before_the_run(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
    done = runt("run", file, "-o", tmp_path / "none" / "out.ipynb")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "there is no folder" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_runtime_that_cannot_start_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "IPython.py").write_text("raise ImportError('no IPython today')")
    done = runt("run", write(tmp_path / "a.ipynb", "1"), "--json", PYTHONPATH=str(tmp_path))
    error = json.loads(done.stderr)
    assert (done.returncode, done.stdout, error["code"]) == (1, "", "runtime-start")
    assert "could not start" in error["message"]
    assert "no IPython today" in error["message"]


def test_code_that_ends_its_process_fails_its_cell(tmp_path: Path) -> None:
    done = runt("run", write(tmp_path / "a.ipynb", "import os; os._exit(3)", "1"))
    assert done.returncode == 1
    assert "exited with status 3" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_came_out(number: signal.Signals, tmp_path: Path) -> None:
    source = "import time\nprint('began', flush=True)\nopen('began', 'w').close()\ntime.sleep(60)"
    os.mkfifo(tmp_path / "began")
    file, out = write(tmp_path / "a.ipynb", "1", source, "2"), tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "runt", "run", str(file), "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert "[1/3] ok" in process.stderr.readline()
        (tmp_path / "began").read_bytes()  # waits until the cell has it open
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(20) == 130
    assert "a.ipynb: interrupted, 2 of 3 cells in " in rest
    first, second, third = outputs(out)[1:]
    assert (first, third) == ([{"text/plain": ["1"]}], [])
    assert second[0] == ["began\n"]


def tagged(path: Path, *cells: tuple[str, str]) -> Path:
    """Write a file of sources with a tag each."""
    write(path, *(source for source, _ in cells))
    made = read(path)
    for cell, (_, tag) in zip(made["cells"][1:], cells, strict=True):
        cell["metadata"] = {"tags": [tag]} if tag else {}
    path.write_text(json.dumps(made))
    return path


def test_parameters_tags_errors_that_are_meant_and_exit(tmp_path: Path) -> None:
    file = tagged(
        tmp_path / "a.ipynb",
        ("year = 1999", "parameters"),
        ("print(year)", ""),
        ("1 / 0", "raises-exception"),
        ("raise SystemError", "skip-execution"),
        ("print('last')\nexit()", ""),
        ("print('never')", ""),
    )
    out = tmp_path / "out.ipynb"
    done = runt("run", file, "-o", out, "-p", "year=2026")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith("a.ipynb: ok, ended by exit(), 5 of 6 cells in ")
    assert outputs(out) == [[], [], [], [["2026\n"]], ["ZeroDivisionError"], [], [["last\n"]], []]


def test_errors_are_allowed_and_a_cell_that_runs_too_long_is_one(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "while True: pass", "1 / 0", "print('after')")
    done = runt("run", file, "--allow-errors", "--timeout", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [(cell["status"], cell["errorName"]) for cell in report["cells"]] == [
        ("error", "ExecutionTimeout"),
        ("error", "ZeroDivisionError"),
        ("ok", None),
    ]
    assert runt("run", file, "--timeout", "0.5").returncode == 1


def test_several_run_at_once_and_are_watched_by_name(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    files = [write(tmp_path / f"{name}.ipynb", f"print('hello from {name}')\nprint(6 * 7)") for name in ("a", "b")]
    files.append(write(tmp_path / "c.ipynb", "print('begun')\n1 / 0"))
    done = runt("run", *files, "-j", "3", "-o", results, "--watch")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert {"a.ipynb: hello from a", "a.ipynb: 42", "b.ipynb: hello from b", "c.ipynb: begun"} <= set(lines)
    assert "c.ipynb: ZeroDivisionError: division by zero" in lines
    assert sorted(path.name for path in results.iterdir()) == ["a.ipynb", "b.ipynb", "c.ipynb"]
    told = runt("run", *files[:2], "--json")
    report = json.loads(told.stdout)
    assert (told.returncode, report["status"], [one["status"] for one in report["notebooks"]]) == (0, "ok", ["ok", "ok"])
    assert "not a folder" in runt("run", *files, "-o", tmp_path / "one.ipynb").stderr


def test_a_run_that_was_killed_goes_on_from_its_log(tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    note = f"open({str(ran)!r}, 'a').write"
    wait = f"{note}('third ')\nimport time\nwhile not go: time.sleep(0.01)"
    file, out = tmp_path / "a.ipynb", tmp_path / "out.ipynb"
    tagged(
        file, ("import os\ngo = 'GO' in os.environ", "setup"), (f"{note}('second ')\nprint('kept')", ""), (wait, ""), ("print('end')", "")
    )
    runs = Path(os.environ["RUNT_DATA"]) / "runs"
    command = [sys.executable, "-m", "runt", "run", str(file), "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert "[1/4] ok" in process.stderr.readline()
        assert "[2/4] ok" in process.stderr.readline()
        while "third" not in ran.read_text():
            pass
        process.kill()
    done = subprocess.run([*command, "--resume"], env={**os.environ, "GO": "1"}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ran.read_text() == "second third third ", "what had ended well is not run again"
    assert "ok, 3 cells (1 kept from before)" in done.stderr
    assert outputs(out) == [[], [], [["kept\n"]], [], [["end\n"]]]
    again = subprocess.run([*command, "--resume"], env={**os.environ, "GO": "1"}, capture_output=True, text=True, timeout=60, check=False)
    assert "there is no run to go on with" in again.stderr
    assert list(runs.iterdir()) == [], "the log of a run that is over is removed"
