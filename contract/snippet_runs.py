"""The normal form of a run: what varies from run to run has a name instead, and what differs between two runs is told in lines.

Recorder and comparisons use it alike, so a thing that is made the same here is the same everywhere.
"""

import base64
import difflib
import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snippet_files import WORK, Order, Run, show

LONG_CHARS, LONG_LINES = 4000, 60
"""A longer text is told by its measures, its ends and its hash."""
_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n")[:10].decode()
_PATH = r"(?<![^\s'\"<>(])(?:~?/[^\s'\"<>(]*)?"  # begins where a word does, or a line of a megabyte takes minutes
_HEX = r"(?<![0-9a-f])"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (_PATH + r"/ipykernel_\d+/\d+\.py", "<cell>"),
        (r"\b\d{6,}\.py(?=, line)", "<cell>"),
        (f"(?:{_PATH})" + r"?<ipython-input-\d+-[0-9a-f]+>", "<cell>"),
        (_PATH + r"/(?:site|dist)-packages/", "<packages>/"),
        (_PATH + r"/lib/python3\.?\d+(?:\.zip)?/", "<python>/"),
        (_PATH + r"/packages/runtime-[a-z]+/src/", "<ours>/"),
        (_PATH + f"/{WORK}/", "<work>/"),
        (r'  File "<(?:packages|python|ours)>/.*", line \d+ in .*\n', ""),  # faulthandler's way down through engine and kernel
        (r'(File "<(?:packages|python)>/[^"]*"), line \d+', r"\1"),
        (r"(<(?:packages|python)>/[^\s:]+\.py):\d+", r"\1"),
        (r"0x[0-9a-f]{5,}", "<address>"),
        (r"\b\d+(?:\.\d+)?(?:e[+-]?\d+)? (?:ns|[\u00b5\u03bc]s|us|ms|s)\b", "<time>"),
        (r"(?:\b\d+h )?(?:\b\d+min )?<time>", "<time>"),
        (r"\bin \d+\.\d{3}s\b", "in <time>"),
        (r"\[\d\d:\d\d<[^\]]*\] *", "[<times>]"),
        (r"(?s)ERROR:tornado\.general:.*", "<ipykernel's log of its own trouble>"),
        (r"\(\d+ times\)", "(<n> times)"),
        (_HEX + r"[0-9a-f]{8}-[0-9a-f]{24}_\d+_\d+", "<request>"),
    )
)
_IDS = re.compile(_HEX + r"(?:[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ARROW = re.compile(r"-+> *(\d+) *(.*)")
_INSTALLED = re.compile(r"(File .*/(?:lib/python3|site-packages).*):\d+(, in [\w.<>]+)")
_CONTEXT = re.compile(r" +(?:\(\.\.\.\) +)?\d+(?: .*)?")


def normal_form(run: Run, order: Order) -> Run:
    """Bring a run into normal form; ids are numbered in the order they are seen."""
    ids: dict[str, str] = {}

    def clean(text: str) -> str:
        for pattern, name in _RULES:
            text = pattern.sub(name, text)
        return _IDS.sub(lambda found: ids.setdefault(found[0], f"<id {len(ids) + 1}>"), text)

    cells: list[Run] = []
    for cell in run["cells"]:
        outputs = [_clean_value(_shorten_error(output), clean) for output in gather_text(cell["outputs"], order)]
        rest = {name: _clean_value(value, clean) for name, value in cell.items() if name not in ("outputs", "comms")}
        comms = {"comms": _clean_value(last_updates(cell["comms"]), clean)} if "comms" in cell else {}
        cells.append({**rest, "outputs": outputs, **comms})
    return {**run, "cells": cells}


def gather_text(outputs: Sequence[Mapping[str, Any]], order: Order) -> list[dict[str, Any]]:
    """Join text that stands together: where it was cut is chance, and as `order` says how its streams and lines were mixed."""
    gathered: list[dict[str, Any]] = []
    texts: list[tuple[str, str]] = []

    def put_texts() -> None:
        if order != "exact":
            texts.sort(key=lambda text: text[0] != "stdout")  # a stable sort: each stream keeps its order
        for stream, text in texts:
            if gathered and stream in gathered[-1]:
                gathered[-1][stream] += text
            else:
                gathered.append({stream: text})
        texts.clear()
        if order == "none" and gathered:
            gathered[-1] = {
                stream: "".join(sorted(text.splitlines(keepends=True))) if isinstance(text, str) else text
                for stream, text in gathered[-1].items()
            }

    for output in outputs:
        stream = next(iter(output))
        if stream in ("stdout", "stderr"):
            texts.append((stream, output[stream]))
        else:
            put_texts()
            gathered.append(dict(output))
    put_texts()
    return gathered


def last_updates(comms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Keep the last of updates of the same state that follow each other: how many there are depends on time."""
    kept: list[Mapping[str, Any]] = []
    for comm in comms:
        if kept and _what_changes(comm) is not None and _what_changes(comm) == _what_changes(kept[-1]):
            kept.pop()
        kept.append(comm)
    return kept


def traceback_facts(text: str) -> str:
    """Keep of a traceback where it went and what was said, without colours and the lines around.

    ipykernel with IPython 9.18 formats cells by a short cut that is meant for very long files, so these two always differ.
    Of files that come with Python or a package only the name of the function counts: their lines are another version's.
    """
    kept: list[str] = []
    installed = False
    for line in _COLOUR.sub("", text).split("\n"):
        if header := _INSTALLED.match(line):
            installed = True
            kept.append(header[1] + header[2])
        elif arrow := _ARROW.match(line):
            if not installed:
                kept.append(f"-> {arrow[1]} {arrow[2]}")
        elif not _CONTEXT.fullmatch(line):
            installed = installed and bool(line)
            kept.append(line)
    return "\n".join(kept)


def differing_lines(theirs: Run, ours: Run) -> tuple[str, ...]:
    """Tell two runs in normal form apart: `-` is only in theirs, `+` only in ours, `@` stands between places."""
    lines = difflib.unified_diff(show(theirs).splitlines(), show(ours).splitlines(), n=0, lineterm="")
    return tuple("@" if line.startswith("@@") else line for line in lines if not line.startswith(("---", "+++")))


def _what_changes(comm: Mapping[str, Any]) -> tuple[Any, ...] | None:
    state = comm["data"].get("state") if comm["kind"] == "msg" else None
    return (comm["comm_id"], comm["data"]["method"], *state) if isinstance(state, dict) else None  # pyright: ignore[reportUnknownVariableType]  # JSON


def _shorten_error(output: dict[str, Any]) -> dict[str, Any]:
    return {**output, "traceback": traceback_facts(output["traceback"])} if "traceback" in output else output


def _clean_value(value: Any, clean: Callable[[str], str]) -> Any:  # Any: JSON, as all of a run
    if isinstance(value, str):
        return _clean_text(value, clean)
    if isinstance(value, list):
        return [_clean_value(each, clean) for each in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    if isinstance(value, dict):
        return {clean(name): _clean_value(each, clean) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
    return value


def _clean_text(text: str, clean: Callable[[str], str]) -> Any:
    if text.startswith(_PNG):
        return _describe_png(base64.b64decode(text))
    text = clean(text)
    lines = text.split("\n")
    if len(text) > LONG_CHARS or len(lines) > LONG_LINES:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return {"characters": len(text), "newlines": len(lines) - 1, "starts": text[:60], "ends": text[-60:], "sha256": digest}
    return text if len(lines) == 1 else [*(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:])]


def _describe_png(data: bytes) -> str:
    width, height = struct.unpack(">II", data[16:24])
    return f"<PNG of {width} x {height}, a number of bytes with {len(str(len(data)))} digits>"
