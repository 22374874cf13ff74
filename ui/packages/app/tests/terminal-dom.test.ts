import { beforeEach, describe, expect, it } from "vitest";
import { Terminal } from "../src/model/terminal";
import { BLOCK_LINES, drawLines, TAIL_BLOCKS, TerminalView } from "../src/outputs/terminal-dom";

let root: HTMLElement;
let terminal: Terminal;
let view: TerminalView;

beforeEach(() => {
  root = document.createElement("pre");
  terminal = new Terminal();
  view = new TerminalView(root, terminal);
});

function lines(from: number, count: number): string {
  return Array.from({ length: count }, (_, at) => `line ${from + at}\n`).join("");
}

describe("TerminalView", () => {
  it("never takes text for HTML", () => {
    terminal.write('\u001b[31m<img src=x onerror="alert(1)">\u001b[0m<b>');
    view.update();
    expect(root.querySelector("img, b")).toBeNull();
    expect(root.textContent).toBe('<img src=x onerror="alert(1)"><b>');
  });

  it("leaves finished blocks alone when text is added", () => {
    terminal.write(lines(0, BLOCK_LINES + 1));
    view.update();
    const first = root.children[0]?.firstChild;
    terminal.write(lines(BLOCK_LINES + 1, 10));
    view.update();
    expect(root.children[0]?.firstChild).toBe(first);
    expect(root.children).toHaveLength(2);
  });

  it("updates a progress bar in place", () => {
    terminal.write("10%");
    view.update();
    terminal.write("\r100%");
    view.update();
    expect(root.textContent).toBe("100%");
  });

  it("keeps only the tail of very long text until all is asked for", () => {
    const count = BLOCK_LINES * (TAIL_BLOCKS + 3);
    for (let at = 0; at < count; at += 1000) {
      terminal.write(lines(at, Math.min(1000, count - at)));
      view.update();
    }
    expect(view.hiddenLines).toBe(3 * BLOCK_LINES);
    expect(root.children).toHaveLength(TAIL_BLOCKS);
    expect(root.firstElementChild?.textContent?.startsWith("line 300\n")).toBe(true);
    view.showAll();
    expect(view.hiddenLines).toBe(0);
    expect(root.firstElementChild?.textContent?.startsWith("line 0\n")).toBe(true);
    expect(root.lastElementChild?.textContent?.endsWith(`line ${count - 1}`)).toBe(true);
  });

  it("removes blocks when the screen is cleared", () => {
    terminal.write(lines(0, 500));
    view.update();
    terminal.write("\u001b[2J\u001b[Hdone");
    view.update();
    expect(root.textContent).toBe("done");
  });
});

describe("drawLines", () => {
  it("gives themed classes to the 16 colours and adapted colours to the others", () => {
    terminal.write("\u001b[1;32ma\u001b[0m\u001b[38;5;208mb\u001b[0m\u001b[7mc");
    const drawn = document.createElement("pre");
    drawn.append(drawLines(terminal.lines));
    const [green, orange, inverse] = [...drawn.querySelectorAll("span")];
    expect(green?.className).toBe("ansi-bold ansi-fg-2");
    expect(orange?.style.getPropertyValue("--ansi-custom")).toBe("rgb(255, 135, 0)");
    expect(inverse?.className).toBe("ansi-inverse ansi-inverse-fg ansi-inverse-bg");
  });
});
