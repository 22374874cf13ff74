import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ErrorBoundary } from "../src/error-boundary";
import { ErrorOutput } from "../src/outputs/error-output";
import { HeldHeight } from "../src/outputs/held-height";
import { HtmlOutput } from "../src/outputs/html-output";
import { RichOutput } from "../src/outputs/rich-output";
import { TerminalOutput } from "../src/outputs/terminal-output";

let root: Root;
let page: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.createElement("div");
  root = createRoot(page);
});
afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const draw = (node: ReactNode) => act(() => root.render(node));
const inline = (data: string) => ({ type: "inline", data }) as const;

describe("HtmlOutput", () => {
  it("lives in a frame that may run scripts and nothing else", () => {
    draw(<HtmlOutput kind="html" source="<b>x</b>" />);
    const frame = page.querySelector("iframe");
    expect(frame?.getAttribute("sandbox")).toBe("allow-scripts");
    expect(frame?.getAttribute("src")).toMatch(/^\/output-frame\.html\?v=[0-9a-f]{16}$/);
    expect(page.querySelector("b")).toBeNull();
  });
});

describe("RichOutput", () => {
  it("draws inline images of the size that the metadata gives", () => {
    const metadata = JSON.stringify({ "image/png": { width: 40, height: 30 } });
    draw(
      <RichOutput
        notebookId="n"
        executionId="e"
        bundle={{ "image/png": inline("AA\nAA"), "text/plain": inline("<Figure>") }}
        metadata={metadata}
      />,
    );
    const image = page.querySelector("img");
    expect(image?.getAttribute("src")).toBe("data:image/png;base64,AAAA");
    expect(image?.getAttribute("width")).toBe("40");
    expect(image?.alt).toBe("Image output");
  });

  it("draws images kept as artifacts from the server", () => {
    draw(
      <RichOutput
        notebookId="n"
        executionId="e"
        bundle={{ "image/png": { type: "artifact", sha256: "ab", sizeBytes: 9 } }}
        metadata={null}
      />,
    );
    expect(page.querySelector("img")?.getAttribute("src")).toBe("/api/notebooks/n/artifacts/ab");
  });

  it("draws SVG as an image, where its scripts cannot run", () => {
    draw(
      <RichOutput notebookId="n" executionId="e" bundle={{ "image/svg+xml": inline("<svg><script>x</script></svg>") }} metadata={null} />,
    );
    expect(page.querySelector("svg, script")).toBeNull();
    expect(page.querySelector("img")?.getAttribute("src")?.startsWith("data:image/svg+xml;charset=utf-8,%3Csvg")).toBe(true);
  });

  it("falls back to plain text for types it does not know", () => {
    draw(
      <RichOutput
        notebookId="n"
        executionId="e"
        bundle={{ "application/x-thing": inline("AAAA"), "text/plain": inline("Thing()") }}
        metadata={null}
      />,
    );
    expect(page.querySelector("[data-testid=output-text]")?.textContent).toBe("Thing()");
  });
});

describe("ErrorOutput", () => {
  it("says name and value first, then the traceback without its colour codes", () => {
    draw(<ErrorOutput name="ValueError" value="bad" traceback={JSON.stringify(["\u001b[31mTraceback\u001b[0m", "line 2"])} />);
    expect(page.querySelector(".error-head")?.textContent).toBe("ValueError: bad");
    expect(page.querySelector("pre")?.textContent).toBe("Traceback\nline 2");
  });
});

describe("ErrorOutput of a cell that was stopped", () => {
  it("is one line that unfolds", () => {
    draw(<ErrorOutput name="KeyboardInterrupt" value="" traceback={JSON.stringify(["Cell In[2], line 3"])} interrupted />);
    expect(page.querySelector("summary")?.textContent).toBe("Interrupted at line 3");
    expect(page.querySelector("details")?.open).toBe(false);
    expect(page.querySelector(".error-output")).toBeNull();
  });
});

describe("TerminalOutput", () => {
  it("has one control, which brings every line into the document", () => {
    const feed = (write: (text: string, fromStart: boolean) => void) => {
      write(Array.from({ length: 20_000 }, (_, line) => `line ${line}`).join("\n"), true);
      return () => {};
    };
    draw(<TerminalOutput feed={feed} />);
    expect(page.querySelectorAll(".terminal-block")).toHaveLength(100);
    const buttons = page.querySelectorAll("button");
    expect([...buttons].map((button) => button.textContent)).toEqual(["Show all 20,000 lines"]);
    expect(page.textContent).toContain("The box holds the last 10,000.");
    act(() => buttons[0]?.click());
    expect(page.querySelectorAll(".terminal-block")).toHaveLength(200);
    expect(page.querySelector("button")?.textContent).toBe("Show less");
    act(() => page.querySelector("button")?.click());
    expect(page.querySelector("pre")?.className).toContain("collapsed");
  });
});

describe("ErrorBoundary", () => {
  it("keeps a failure to its own place", () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const Broken = () => {
      throw new Error("no luck");
    };
    draw(
      <>
        <ErrorBoundary what="This output">
          <Broken />
        </ErrorBoundary>
        <p>still here</p>
      </>,
    );
    expect(page.textContent).toContain("This output cannot be shown. no luck");
    expect(page.textContent).toContain("still here");
  });
});

describe("HeldHeight", () => {
  it("keeps the height of what was there for a moment when something else is shown", () => {
    vi.useFakeTimers();
    vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(70);
    vi.spyOn(HTMLElement.prototype, "checkVisibility").mockReturnValue(true);
    const held = () => page.querySelector<HTMLElement>("div")?.style.minHeight;
    draw(<HeldHeight name="e1">one</HeldHeight>);
    draw(<HeldHeight name="e1">more</HeldHeight>);
    expect(held()).toBe("");
    draw(<HeldHeight name="e2">{null}</HeldHeight>);
    expect(held()).toBe("70px");
    vi.advanceTimersByTime(1_000);
    expect(held()).toBe("");
  });
});
