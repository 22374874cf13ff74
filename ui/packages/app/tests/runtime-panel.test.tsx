// The runtime as people see and use it: the chip, the panel and the hint at waiting cells, over a real store and a scripted runtime.
import type { Json } from "@runt/schema";
import { createStore, type Store } from "@runt/store";
import { StoreProvider } from "@runt/store/react";
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DISPLACED, KINDS } from "../src/model/words";
import { BrowserRuntimeHost, DisplacedNotice } from "../src/notebook/browser-host";
import { type BrowserRuntime, BrowserRuntimeContext, BrowserRuntimeSlot } from "../src/notebook/browser-runtime";
import { NotebookCommands } from "../src/notebook/commands";
import { Drafts } from "../src/notebook/drafts";
import { Notices } from "../src/notebook/notices";
import { QueuedNote } from "../src/notebook/queued-note";
import { RuntimeChip } from "../src/notebook/runtime";
import { NotebookIdContext, useQueue } from "../src/notebook/state";
import { NotebookUi, UiContext } from "../src/notebook/ui-state";

let root: Root;
let page: HTMLElement;
let store: Store;
let ui: NotebookUi;
let slot: BrowserRuntimeSlot;
let commands: NotebookCommands;
let asked: string[];

const off: BrowserRuntime = {
  status: "off",
  progress: null,
  error: null,
  endedReason: null,
  isolated: null,
  start: async (kind) => void asked.push(`start ${kind}`),
  stop: async () => void asked.push("stop"),
  restart: async () => void asked.push("restart"),
  interrupt: () => void asked.push("interrupt"),
};

beforeEach(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.body.appendChild(document.createElement("div"));
  root = createRoot(page);
  store = await createStore({ storeId: "nb" });
  ui = new NotebookUi();
  slot = new BrowserRuntimeSlot();
  slot.put(off);
  commands = new NotebookCommands(store, ui, new Drafts(() => {}), slot);
  asked = [];
});
afterEach(() => {
  act(() => root.unmount());
  page.remove();
  store.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const part = (testId: string) => page.querySelector<HTMLElement>(`[data-testid=${testId}]`);
const press = (testId: string) => act(async () => part(testId)?.click());
const put = (change: Partial<BrowserRuntime>) => act(async () => slot.put({ ...off, ...change }));

async function draw(node: ReactNode): Promise<void> {
  await act(async () =>
    root.render(
      <StoreProvider store={store}>
        <NotebookIdContext value="nb">
          <UiContext value={ui}>
            <BrowserRuntimeContext value={slot}>{node}</BrowserRuntimeContext>
          </UiContext>
        </NotebookIdContext>
      </StoreProvider>,
    ),
  );
}

async function openPanel(): Promise<void> {
  await draw(<RuntimeChip commands={commands} />);
  await press("runtime-status");
}

async function startSession(sessionId: string): Promise<void> {
  await act(async () => {
    await store.commit("v1.RuntimeSessionStarted", {
      sessionId,
      runtimeId: "r",
      runtimeType: "python",
      capabilities: ["code"],
      info: "{}",
      lostAfterMs: 60_000,
      startedMs: 1,
    });
    await store.commit("v1.RuntimeSessionStatusSet", { sessionId, status: "ready" });
  });
}

async function runCell(): Promise<void> {
  await act(async () => {
    await store.commit("v1.CellCreated", { cellId: "c", cellType: "code", position: "a0", source: "1" });
    await store.commit("v1.ExecutionRequested", { executionId: "e", cellId: "c", source: "1", requestedMs: 1 });
  });
}

describe("without a runtime", () => {
  it("offers one in this tab before the command for elsewhere, and says what it is", async () => {
    await openPanel();
    const text = page.textContent ?? "";
    expect(text).toContain(KINDS.python.line);
    expect(text.indexOf("Start in this browser")).toBeLessThan(text.indexOf("runt agent --notebook nb"));
    await press("start-in-browser");
    expect(asked).toEqual(["start python"]);
    expect(document.activeElement).toBe(part("runtime-panel"));
  });

  it("starts the kind that was chosen", async () => {
    await openPanel();
    await act(async () => {
      const select = part("browser-runtime-kind");
      if (select instanceof HTMLSelectElement) select.value = "html";
      select?.dispatchEvent(new Event("change", { bubbles: true }));
    });
    expect(page.textContent).toContain(KINDS.html.line);
    await press("start-in-browser");
    expect(asked).toEqual(["start html"]);
  });

  it("knows the command alone where this page cannot have one", async () => {
    slot.put(null);
    await openPanel();
    expect(part("start-in-browser")).toBeNull();
    expect(part("agent-command")?.textContent).toContain("runt agent");
    expect(page.textContent).toContain("Start one with this command");
  });
});

describe("while the runtime in this tab starts", () => {
  it("says how far it is, on the chip too, and can be cancelled", async () => {
    await openPanel();
    await put({ status: "loading", progress: { text: "downloading Python", fraction: 0.454 } });
    expect(part("runtime-status")?.textContent).toBe("Starting… 45\u00a0%");
    expect(part("browser-runtime-progress")?.querySelector("[role=status]")?.textContent).toBe("Downloading Python");
    expect(part("browser-runtime-progress")?.querySelector("progress")?.value).toBe(0.454);
    expect(part("agent-command")).toBeNull();
    await press("browser-runtime-cancel");
    expect(asked).toEqual(["stop"]);
  });

  it("moves without a number while nothing is known", async () => {
    await openPanel();
    await put({ status: "starting" });
    expect(part("browser-runtime-progress")?.querySelector("progress")?.hasAttribute("value")).toBe(false);
    expect(part("runtime-status")?.textContent).toBe("Starting…");
  });

  it("keeps the numbers from screen readers, which would read out each one", async () => {
    await openPanel();
    await put({ status: "loading", progress: { text: "Downloading Python: 1.0 of 10.0 MB", fraction: 0.1 } });
    const heard = document.createElement("div");
    heard.innerHTML = page.innerHTML;
    for (const silent of heard.querySelectorAll("[aria-hidden]")) silent.remove();
    expect([...heard.querySelectorAll("[role=status]")].map((status) => status.textContent)).toEqual(["Starting…", "Downloading Python"]);
  });
});

describe("after a start that failed", () => {
  it("says why, and tries again", async () => {
    await openPanel();
    await put({ status: "failed", error: "The file python_stdlib.zip could not be fetched." });
    expect(part("runtime-status")?.textContent).toBe("Runtime failed");
    expect(part("browser-runtime-error")?.querySelector("[role=alert]")?.textContent).toContain("python_stdlib.zip");
    expect(part("agent-command")).not.toBeNull();
    await press("browser-runtime-retry");
    expect(asked).toEqual(["start python"]);
  });

  it("does not make a notice of what the panel says", async () => {
    await openPanel();
    await put({ start: () => Promise.reject(new Error("no luck")) });
    await press("start-in-browser");
    expect(ui.get().notices).toEqual([]);
  });
});

describe("with the runtime in this tab", () => {
  beforeEach(() => startSession("s"));

  it("says where it is, and restarts and stops it without the server", async () => {
    await openPanel();
    await put({ status: "ready", isolated: true });
    expect(part("runtime-where")?.textContent).toBe("In this browser");
    expect(part("browser-runtime-not-isolated")).toBeNull();
    expect(part("run-in-browser-instead")).toBeNull();
    await press("runtime-restart");
    await act(async () => ui.get().confirmation?.run());
    await press("runtime-stop");
    await act(async () => ui.get().confirmation?.run());
    expect(asked).toEqual(["restart", "stop"]);
  });

  it("says what it costs when the page is not isolated", async () => {
    await openPanel();
    await put({ status: "ready", isolated: false });
    expect(part("browser-runtime-not-isolated")?.textContent).toContain("replaces the runtime");
  });

  it("tells of a stop that failed", async () => {
    await openPanel();
    await put({ status: "ready", stop: () => Promise.reject(new Error("no answer")) });
    await press("runtime-stop");
    await act(async () => ui.get().confirmation?.run());
    expect(ui.get().notices[0]?.text).toBe("The runtime in this browser did not stop: no answer");
  });
});

describe("with a runtime elsewhere", () => {
  beforeEach(() => startSession("other"));

  it("takes over at once when nothing runs", async () => {
    await openPanel();
    expect(part("runtime-where")).toBeNull();
    await press("run-in-browser-instead");
    expect(asked).toEqual(["start python"]);
  });

  it("asks before it ends what runs", async () => {
    await runCell();
    await openPanel();
    await press("run-in-browser-instead");
    expect(asked).toEqual([]);
    expect(ui.get().confirmation?.title).toBe("Run in this browser instead?");
    await act(async () => ui.get().confirmation?.run());
    expect(asked).toEqual(["start python"]);
  });

  it("says that it took over from the one in this tab", async () => {
    await openPanel();
    await put({ endedReason: "displaced" });
    expect(part("browser-runtime-ended")?.textContent).toBe(DISPLACED);
    expect(part("run-in-browser-instead")?.textContent).toBe("Run in this browser again");
  });

  it("says why else the one in this tab ended", async () => {
    await openPanel();
    await put({ endedReason: "lost" });
    expect(part("browser-runtime-ended")?.textContent).toContain("out of reach for too long");
    await put({ endedReason: "shutdown" });
    expect(part("browser-runtime-ended")).toBeNull();
  });
});

describe("what a runtime answers to the panel", () => {
  let answers: Record<string, Json>;
  let questions: string[];
  const variable = (name: string) => ({ name, type: "int", summary: "1" });
  const rows = () => [...page.querySelectorAll("[data-testid=variable] th")].map((cell) => cell.textContent);

  beforeEach(async () => {
    vi.useFakeTimers();
    answers = { "runtime.variables": { ok: true, variables: [] }, "runtime.resources": { ok: false, problem: "no" } };
    questions = [];
    store.sendLive = async (topic, data, options) => {
      questions.push(topic);
      expect([data, options]).toEqual([{ sessionId: "s" }, { to: store.storeSessionId }]);
      return answers[topic] ?? null;
    };
    await startSession("s");
  });

  const open = async () => {
    await openPanel();
    await pass(0);
  };
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

  it("says that there are no variables yet, or why they cannot be listed", async () => {
    await open();
    expect(part("variables")?.textContent).toContain("None yet.");
    answers["runtime.variables"] = { ok: false, problem: "This runtime does not answer it." };
    await press("runtime-status");
    await press("runtime-status");
    await pass(0);
    expect(part("variables")?.textContent).toContain("They cannot be listed. This runtime does not answer it.");
  });

  it("lists variables, again when an execution has ended", async () => {
    await runCell();
    answers["runtime.variables"] = { ok: true, variables: [variable("b"), variable("a")] };
    await open();
    expect(rows()).toEqual(["a", "b"]);
    expect(page.querySelector(".variables-filter")).toBeNull();
    answers["runtime.variables"] = { ok: true, variables: [variable("c")] };
    await act(async () => {
      await store.commit("v1.ExecutionCancelRequested", { all: true, reason: "person" });
    });
    await pass(200);
    expect(rows()).toEqual(["c"]);
  });

  it("finds one of many", async () => {
    answers["runtime.variables"] = { ok: true, variables: Array.from({ length: 21 }, (_, n) => variable(`v${n}`)) };
    await open();
    const field = page.querySelector<HTMLInputElement>(".variables-filter");
    await act(async () => {
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "V20");
      field?.dispatchEvent(new Event("input", { bubbles: true }));
    });
    expect(rows()).toEqual(["v20"]);
  });

  it("asks for memory every 3 s while the panel is open, and no longer", async () => {
    answers["runtime.resources"] = { ok: true, rssBytes: 40 * 2 ** 20, cpuPercent: 12, limitBytes: null };
    await open();
    expect(part("runtime-memory")?.textContent).toBe("40\u00a0MB");
    expect(part("runtime-cpu")?.textContent).toBe("12\u00a0%");
    expect(part("chip-memory")).toBeNull();
    await pass(6_000);
    const asked = () => questions.filter((topic) => topic === "runtime.resources").length;
    expect(asked()).toBe(3);
    await press("runtime-status");
    await pass(30_000);
    expect(asked()).toBe(3);
  });

  it("keeps memory that runs short in sight, until it does not", async () => {
    const uses = (rssBytes: number) => ({ ok: true, rssBytes, cpuPercent: 1, limitBytes: 100 * 2 ** 20 });
    answers["runtime.resources"] = uses(90 * 2 ** 20);
    await open();
    await press("runtime-status");
    await pass(0);
    expect(part("chip-memory")?.textContent).toBe("90\u00a0MB");
    answers["runtime.resources"] = uses(10 * 2 ** 20);
    await runCell();
    await act(async () => {
      await store.commit("v1.ExecutionStarted", { executionId: "e", sessionId: "s", executionCount: 1, startedMs: 2 });
    });
    await act(async () => {
      await store.commit("v1.ExecutionFinished", { executionId: "e", sessionId: "s", status: "ok", finishedMs: 3 });
    });
    await pass(0);
    expect(part("chip-memory")).toBeNull();
  });
});

describe("a waiting cell", () => {
  const Notes = () => useQueue().map(({ id }) => <QueuedNote key={id} executionId={id} inView commands={commands} />);

  it("has the start within one click when there is no runtime", async () => {
    await runCell();
    await draw(<Notes />);
    expect(part("cell-note")?.textContent).toContain("Waiting for a runtime");
    await press("start-in-browser-hint");
    expect(asked).toEqual(["start python"]);
    await put({ status: "loading", progress: { text: "x", fraction: 0.5 } });
    expect(part("cell-note")?.textContent).toBe("Waiting for the runtime to start, 50\u00a0%");
  });

  it("says what it waits for when that takes longer than a moment", async () => {
    vi.useFakeTimers();
    await startSession("s1");
    await runCell();
    await draw(<Notes />);
    expect(part("cell-note")).toBeNull();
    await act(async () => vi.advanceTimersByTime(1_000));
    expect(part("cell-note")?.textContent).toBe("Next");
  });

  it("leads to the reason when the start failed", async () => {
    await runCell();
    await draw(<Notes />);
    await put({ status: "failed", error: "x" });
    expect(part("start-in-browser-hint")?.textContent).toBe("Try again");
    await press("runtime-help");
    expect(ui.get().runtimeOpen).toBe(true);
  });
});

describe("a runtime that was displaced", () => {
  it("is told of until one starts, with a way to start again", async () => {
    await draw(
      <>
        <DisplacedNotice commands={commands} />
        <Notices />
      </>,
    );
    expect(part("notice")).toBeNull();
    await put({ endedReason: "displaced" });
    expect(part("notice")?.textContent).toContain(DISPLACED);
    await put({ status: "loading" });
    expect(part("notice")).toBeNull();
    await put({ endedReason: "displaced" });
    await press("notice-action");
    expect(asked).toEqual(["start python"]);
    expect(part("notice")).toBeNull();
  });
});

describe("a fault of the runtime's own part", () => {
  it("leaves the notebook as it is, and is told", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await act(async () =>
      root.render(
        <UiContext value={ui}>
          {/* Without a store above it, the part throws as it is drawn. */}
          <BrowserRuntimeHost slot={slot} />
          <p>the notebook</p>
        </UiContext>,
      ),
    );
    expect(page.textContent).toBe("the notebook");
    expect(ui.get().notices[0]?.text).toContain("Python in this browser stopped working on this page");
    vi.restoreAllMocks();
  });
});
