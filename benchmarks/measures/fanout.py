"""One event of 500 bytes to 200 clients: from its push until the last of them has it, through a log that is on disk."""

import select
import time

from .crowd import crowd, receive, send
from .stack import percentile

CLIENTS, ROUNDS, WARM = 200, 100, 10
SOURCE = "x" * 500


def measure() -> dict[str, float]:
    """Give {clients, p50_ms, p99_ms, deliveries_per_s}."""
    times: list[float] = []
    with crowd() as server:
        notebook = server.notebook()
        writer = server.connect(notebook, "writer")
        send(writer, _push(1, "v1.CellCreated", {"cellId": "c", "cellType": "code", "position": "a0", "source": ""}))
        receive(writer)
        readers = {sock.fileno(): sock for sock in (server.connect(notebook, f"reader-{place}") for place in range(CLIENTS))}
        polling = select.epoll()
        for number in readers:
            polling.register(number, select.EPOLLIN)
        for place in range(WARM + ROUNDS):
            waiting = set(readers)
            begun = time.perf_counter()
            send(writer, _push(place + 2, "v1.CellSourceSet", {"cellId": "c", "source": f"{place:04d}{SOURCE}"}))
            while waiting:
                for number, _ in polling.poll(10):
                    if b'"events"' in receive(readers[number]):
                        waiting.discard(number)
            if place >= WARM:
                times.append((time.perf_counter() - begun) * 1e3)
            receive(writer)
        for sock in (writer, *readers.values()):
            sock.close()
    p50 = percentile(times, 50)
    return {
        "clients": CLIENTS,
        "p50_ms": round(p50, 2),
        "p99_ms": round(percentile(times, 99), 2),
        "deliveries_per_s": round(CLIENTS / p50 * 1e3),
    }


def _push(n: int, name: str, args: dict[str, str]) -> dict[str, object]:
    return {"t": "push", "events": [{"n": n, "name": name, "args": args}]}
