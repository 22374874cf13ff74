"""Every `--runtime` passes the core's kit for agents, put together as `runt agent` does it."""

import json
import sys
from pathlib import Path

import pytest

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import InvalidOptionError
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.ports import Store
from runtime_core.testing import EngineSamples, InMemoryStore, check_agent
from runtime_node.artifacts import FolderArtifacts
from runtime_node.config import RuntimeConfig
from runtime_node.runtimes import attach_runtime
from runtime_node.system import RandomIds, SystemClock

SHOWS = EngineSamples(hello="hello", fail=None, forever=None, ask=None)
PYTHON = EngineSamples()
BASH = EngineSamples(hello="echo hello", fail="false", error_name="Error", forever="echo started; while true; do :; done")
RUNTIMES = {"echo": SHOWS, "html": SHOWS, "python": PYTHON, "jupyter:ours": PYTHON, "jupyter:shell": BASH}


def configured(runtime: str, folder: Path) -> RuntimeConfig:
    return RuntimeConfig(
        notebook="nb",
        server="http://127.0.0.1:1",
        token="",
        client_id="local",
        runtime=runtime,
        runtime_id="checked",
        cwd=folder,
        env={},
        python=None,
        memory_bytes=None,
        timeout_s=None,
        prewarm=False,
        take_over=False,
        log_level="info",
        log_format="text",
        data=folder,
    )


def made(store: Store, config: RuntimeConfig) -> RuntimeAgent:
    options = RuntimeAgentOptions(runtime_id=config.runtime_id, runtime_type=config.runtime, client_id=store.client_id)
    artifacts = FolderArtifacts(config.data / "artifacts")
    agent = RuntimeAgent(store, RuntimeCapabilities(), options, artifacts=artifacts, clock=SystemClock(), ids=RandomIds())
    attach_runtime(agent, config)
    return agent


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_the_runtime_passes_the_kit(runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in {"ours": "ipykernel_launcher", "shell": "bash_kernel"}.items():
        place = tmp_path / "kernels" / name
        place.mkdir(parents=True)
        spec = {"argv": [sys.executable, "-m", module, "-f", "{connection_file}"], "display_name": name, "language": "any"}
        (place / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))

    async def make(store: Store) -> RuntimeAgent:
        return made(store, configured(runtime, tmp_path))

    await check_agent(make, RUNTIMES[runtime])


@pytest.mark.parametrize("runtime", ["ruby", "jupyter:"])
async def test_an_unknown_runtime_is_refused(runtime: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="python, echo, html and jupyter:NAME"):
        made(InMemoryStore(), configured(runtime, tmp_path))
