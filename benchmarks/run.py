"""Run benchmarks and print their figures: `python benchmarks/run.py [--json] [NAME…]`; without names, all of them.

Each measure is one file and does the same work as a peer's script, so that both can be run one after the other on one
machine. Figures are medians of several rounds; times are milliseconds or seconds as their key says.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

MEASURES = {
    "execute": "a cell requested by one client, its result seen by another, through a durable log",
    "floor": "what execute and sync cost with nothing of ours on their way: processes, sockets, commits, IPython",
    "stream": "100,000 printed lines, seen by another client",
    "interrupt": "from an interrupt of an endless loop to its end",
    "cold_start": "the engine's first result from nothing and from a warm spare, and its memory when idle",
    "big_result": "a result of 10 MB",
    "sync": "one event from client to client, and a flood of them",
    "fanout": "one event to 200 clients",
    "idle": "memory of a server with 5,000 idle clients of 1,000 notebooks",
    "boot": "a store that opens a notebook with a long log: by replay, and from an image",
    "ts": "the page's store: a long log by replay and from an image, and the longest frame at 5,000 events a second",
    "run": "100 trivial cells without a browser, as nbclient and papermill run them",
    "browser": "a runtime in the page: first result, execution, stream, interrupt, memory, in a real Chromium",
    "memory": "resident memory of an idle server and of an idle runtime",
    "start": "from a command to an answering server and to a first result",
}


def main() -> int:
    """Run what was named; 2 for an unknown name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(f"{name}: {about}" for name, about in MEASURES.items()))
    parser.add_argument("--json", action="store_true", help="one JSON object on one line")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in MEASURES]
    if unknown:
        parser.error(f"unknown measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    sys.path.insert(0, str(Path(__file__).parent))
    figures = {name: importlib.import_module(f"measures.{name}").measure() for name in arguments.names or MEASURES}
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
