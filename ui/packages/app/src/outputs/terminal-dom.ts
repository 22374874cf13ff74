// Draws terminal lines into the DOM in blocks: a finished block is never touched again, and only the last ones are kept
// unless all are asked for. Text is set as text, colours through CSSOM: nothing is parsed as HTML.
import { paletteColor, type Style } from "../model/sgr";
import type { Line, Terminal } from "../model/terminal";

export const BLOCK_LINES = 100;
export const TAIL_BLOCKS = 100;

/** Draw lines, adjacent plain ones as one text node. */
export function drawLines(lines: readonly Line[]): DocumentFragment {
  const fragment = document.createDocumentFragment();
  let plain = "";
  const flush = () => {
    if (plain !== "") fragment.append(plain);
    plain = "";
  };
  lines.forEach((line, at) => {
    for (const { text, style } of line.runs) {
      if (style === null) {
        plain += text;
      } else {
        flush();
        fragment.append(styledSpan(text, style));
      }
    }
    if (at < lines.length - 1) plain += "\n";
  });
  flush();
  return fragment;
}

/** One terminal's place in the document. */
export class TerminalView {
  readonly #root: HTMLElement;
  readonly #terminal: Terminal;
  readonly #blocks: HTMLElement[] = [];
  #firstBlock = 0;
  #all = false;

  constructor(root: HTMLElement, terminal: Terminal) {
    this.#root = root;
    this.#terminal = terminal;
  }

  /** Number of lines at the start that are not in the document. */
  get hiddenLines(): number {
    return this.#firstBlock * BLOCK_LINES;
  }

  /** From now on keep every line in the document. */
  showAll(): void {
    this.#all = true;
    for (const block of this.#blocks) block.remove();
    this.#blocks.length = 0;
    this.#drawFrom(0);
  }

  /** Bring the document up to what was written. */
  update(): void {
    const dirty = this.#terminal.takeDirty();
    if (dirty !== null) this.#drawFrom(dirty);
  }

  #drawFrom(line: number): void {
    const count = Math.ceil(this.#terminal.lineCount / BLOCK_LINES);
    const first = this.#all ? 0 : Math.max(0, count - TAIL_BLOCKS);
    while (this.#firstBlock < first && this.#blocks.length > 0) {
      this.#blocks.shift()?.remove();
      this.#firstBlock += 1;
    }
    this.#firstBlock = first;
    while (this.#blocks.length > Math.max(0, count - first)) this.#blocks.pop()?.remove();
    const from = Math.min(Math.max(Math.floor(line / BLOCK_LINES), first), first + this.#blocks.length);
    for (let at = from; at < count; at += 1) this.#drawBlock(at);
  }

  #drawBlock(at: number): void {
    let block = this.#blocks[at - this.#firstBlock];
    if (block === undefined) {
      block = document.createElement("div");
      block.className = "terminal-block";
      this.#blocks.push(block);
      this.#root.append(block);
    }
    const end = Math.min((at + 1) * BLOCK_LINES, this.#terminal.lineCount);
    block.replaceChildren(drawLines(this.#terminal.lines.slice(at * BLOCK_LINES, end)));
  }
}

function styledSpan(text: string, style: Style): HTMLSpanElement {
  const span = document.createElement("span");
  const classes = style.decorations.map((decoration) => `ansi-${decoration}`);
  const inverse = style.decorations.includes("inverse");
  const [fg, bg] = inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  if (typeof fg === "number" && fg < 16) classes.push(`ansi-fg-${fg}`);
  else if (fg !== null) {
    classes.push("ansi-fg-custom");
    span.style.setProperty("--ansi-custom", typeof fg === "number" ? paletteColor(fg) : fg);
  }
  if (typeof bg === "number" && bg < 16) classes.push(`ansi-bg-${bg}`);
  else if (bg !== null) span.style.backgroundColor = typeof bg === "number" ? paletteColor(bg) : bg;
  if (inverse && fg === null) classes.push("ansi-inverse-fg");
  if (inverse && bg === null) classes.push("ansi-inverse-bg");
  span.className = classes.join(" ");
  span.textContent = text;
  return span;
}
