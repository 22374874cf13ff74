"""Real signals to user code: raised only where it is safe, and never left for the next cell."""

import os
import random
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import pytest

from runtime_python import IPythonEngine
from runtime_schema.outputs import ErrorOutput, Output, StreamText


@contextmanager
def running(outputs: list[Output]) -> Generator[IPythonEngine]:
    """An engine whose interrupt is SIGUSR1; SIGINT is pytest's."""
    engine = IPythonEngine(outputs.append, lambda prompt, password: "")

    def on_signal(_number: int, frame: FrameType | None) -> None:
        engine.interrupts.request(frame)

    before = signal.signal(signal.SIGUSR1, on_signal)
    try:
        yield engine
    finally:
        signal.signal(signal.SIGUSR1, before)
        engine.close()


def signal_after(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    return timer


SOURCES = {
    "a loop": "while True: pass",
    "a sleep": "import time\ntime.sleep(3600)",
    "an await": "import asyncio\nawait asyncio.sleep(3600)",
    "awaits in a loop": "import asyncio\nwhile True: await asyncio.sleep(0)",
    "printing": "while True: print('x')",
    "a gather": "import asyncio\nawait asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))",
    "a task group": "import asyncio\nasync with asyncio.TaskGroup() as g:\n    g.create_task(asyncio.sleep(3600))",
    "a command": "!sleep 3600",
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
@pytest.mark.host
@pytest.mark.slow
async def test_an_interrupt_ends_the_cell_and_not_the_next(source: str) -> None:
    outputs: list[Output] = []
    with running(outputs) as engine:
        timer = signal_after(0.05)
        reply = await engine.execute(source, execution_count=1)
        timer.join()
        assert reply.status == "cancelled"
        (error,) = [o for o in outputs if isinstance(o, ErrorOutput)]
        assert "KeyboardInterrupt" in "".join((error.name, *error.traceback))
        assert "interrupts.py" not in "".join(error.traceback)
        assert (await engine.execute("import asyncio\nawait asyncio.sleep(0.01)", execution_count=2)).status == "ok"


@pytest.mark.host
@pytest.mark.slow
async def test_interrupts_at_random_moments_never_harm_the_engine() -> None:
    outputs: list[Output] = []
    moments = random.Random(20)
    source = "import asyncio, sys\nfor i in range(10**9):\n    print(i)\n    if i % 3 == 0: await asyncio.sleep(0)"
    with running(outputs) as engine:
        for count in range(30):
            outputs.clear()
            engine.interrupts.arm()  # the signal may come before the cell runs
            timer = signal_after(moments.uniform(0.0, 0.02))
            reply = await engine.execute(source, execution_count=count)
            timer.join()
            assert reply.status == "cancelled"
            printed = [o.text for o in outputs if isinstance(o, StreamText) and o.stream == "stdout" and o.text != "\n"]
            assert printed == [str(i) for i in range(len(printed))]
            outputs.clear()
            assert (await engine.execute("import asyncio\nawait asyncio.sleep(0)\nprint('fine')", execution_count=count)).status == "ok"
            assert outputs[0] == StreamText(stream="stdout", text="fine")


@pytest.mark.parametrize("event", ["pre_execute", "pre_run_cell"])
async def test_an_interrupt_before_user_code_began_is_not_swallowed(event: str) -> None:
    outputs: list[Output] = []
    with running(outputs) as engine:
        source = f"import os, signal\nget_ipython().events.register({event!r}, lambda *_: os.kill(os.getpid(), signal.SIGUSR1))"
        await engine.execute(source, execution_count=1)
        reply = await engine.execute("while True: pass", execution_count=2)
        assert (reply.status, reply.error_name) == ("cancelled", "KeyboardInterrupt")


STRUCK = """\
import os, signal, threading
class Struck:
    struck = False
    lock = threading.Lock()
    def __enter__(self):
        assert self.lock.acquire(blocking=False), "it is still held"
        if not self.struck:
            self.struck = True
            os.kill(os.getpid(), signal.SIGUSR1)
    def __exit__(self, *_):
        self.lock.release()
history = get_ipython().history_manager
history.db_input_cache_lock = Struck()"""


async def test_an_interrupt_leaves_no_lock_of_ipython_held() -> None:
    outputs: list[Output] = []
    with running(outputs) as engine:
        await engine.execute(STRUCK, execution_count=1)
        assert (await engine.execute("while True: pass", execution_count=2)).status == "cancelled"
        assert (await engine.execute("assert history.db_input_cache_lock.struck", execution_count=3)).status == "ok"


SWALLOWING = {
    "a destructor": "class Thing:\n    def __del__(self): strike()\nthing = Thing()",
    "a weak reference": "import weakref\nclass Thing: pass\nthing = Thing()\nreference = weakref.ref(thing, lambda _: strike())",
}


@pytest.mark.parametrize("source", SWALLOWING.values(), ids=SWALLOWING.keys())
@pytest.mark.parametrize("then", ["for i in range(10**7): pass", "print(1)\nprint(2)", "import asyncio\nawait asyncio.sleep(0)\nprint(2)"])
async def test_an_interrupt_that_is_swallowed_comes_again(source: str, then: str) -> None:
    outputs: list[Output] = []
    with running(outputs) as engine:
        strike = "import os, signal\ndef strike(): os.kill(os.getpid(), signal.SIGUSR1)"
        assert (await engine.execute(f"{strike}\n{source}", execution_count=1)).status == "ok"
        reply = await engine.execute(f"del thing\n{then}\nprint('not reached')", execution_count=2)
        assert (reply.status, reply.error_name) == ("cancelled", "KeyboardInterrupt")
        assert [output for output in outputs if isinstance(output, StreamText)] == []
        assert "interrupts.py" not in "".join(line for output in outputs if isinstance(output, ErrorOutput) for line in output.traceback)
        assert sys.gettrace() is None
        assert (await engine.execute("print('fine')", execution_count=3)).status == "ok"
