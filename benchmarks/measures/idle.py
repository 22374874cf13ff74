"""One server process with 1,000 open notebooks and 5,000 idle clients: its resident memory."""

import time

from .crowd import crowd

NOTEBOOKS, CLIENTS_EACH = 1_000, 5
SETTLE_S = 3.0


def measure() -> dict[str, float]:
    """Give {notebooks, clients, empty_mb, rss_mb, kb_per_client}."""
    with crowd() as server:
        empty_mb = server.rss_mb
        sockets = [
            server.connect(notebook, f"s-{place}")
            for notebook in [server.notebook() for _ in range(NOTEBOOKS)]
            for place in range(CLIENTS_EACH)
        ]
        time.sleep(SETTLE_S)
        rss_mb = server.rss_mb
        for sock in sockets:
            sock.close()
    return {
        "notebooks": NOTEBOOKS,
        "clients": len(sockets),
        "empty_mb": round(empty_mb, 1),
        "rss_mb": round(rss_mb, 1),
        "kb_per_client": round((rss_mb - empty_mb) * 1e3 / len(sockets), 1),
    }
