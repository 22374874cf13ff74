// Shift-Tab in a code cell: what the runtime knows of the name at the caret, in a tooltip that typing closes.
import { type EditorState, type Extension, Prec, StateEffect, StateField } from "@codemirror/state";
import { EditorView, getTooltip, keymap, showTooltip, type Tooltip, tooltips } from "@codemirror/view";
import { windowAt } from "../model/code-window";
import { type Answer, readDescription } from "../model/live-answers";
import { terminalLines } from "../model/terminal";
import { drawLines } from "../outputs/terminal-dom";
import type { Ask } from "./state";

const MOST_LINES = 3_000;
const ANNOUNCED_LINES = 3;
const EDGE_PX = 8;
const NOTHING_KNOWN = "Nothing is known of what is at the caret.";

const show = StateEffect.define<Tooltip | null>();

const shown = StateField.define<Tooltip | null>({
  create: () => null,
  update(tooltip, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    return transaction.docChanged || transaction.selection !== undefined ? null : tooltip;
  },
  provide: (field) => showTooltip.from(field),
});

/** The inspection of a code cell's editor, and where its tooltips may be. */
export function codeInspection(ask: Ask): Extension {
  return [
    shown,
    tooltips({ position: "fixed", tooltipSpace: belowHeader }),
    Prec.high(
      keymap.of([
        { key: "Shift-Tab", run: (view) => enter(view) || inspect(view, ask) },
        { key: "Escape", run: closeInspection },
      ]),
    ),
  ];
}

/** Tell whether a description is shown. */
export function isInspecting(state: EditorState): boolean {
  return (state.field(shown, false) ?? null) !== null;
}

/** Close the description; returns whether there was one. */
export function closeInspection(view: EditorView): boolean {
  if (!isInspecting(view.state)) return false;
  view.dispatch({ effects: show.of(null) });
  return true;
}

/** Put the focus into the description that is shown, where keys scroll it. */
function enter(view: EditorView): boolean {
  const tooltip = view.state.field(shown);
  const dom = tooltip === null ? null : getTooltip(view, tooltip)?.dom;
  dom?.querySelector<HTMLElement>("[tabindex]")?.focus();
  return tooltip !== null;
}

function inspect(view: EditorView, ask: Ask): boolean {
  const { state } = view;
  const { main } = state.selection;
  const line = state.doc.lineAt(main.head);
  if (main.to > line.to || main.from < line.from || state.sliceDoc(line.from, main.head).trim() === "") return false;
  const { code, cursor } = windowAt(state.doc.toString(), main.head);
  void ask("inspect", { code, cursor }).then((answer) => {
    // An answer to what is no longer there, or to somebody who went away.
    if (view.state.doc !== state.doc || view.state.selection.main.head !== main.head || !view.hasFocus) return;
    const text = textOf(answer);
    const said = plainLines(text).slice(0, ANNOUNCED_LINES).join("\n");
    view.dispatch({ effects: [show.of(tooltipOf(main.head, text)), EditorView.announce.of(said)] });
  });
  return true;
}

function textOf(answer: Answer): string {
  return "data" in answer ? (readDescription(answer.data) ?? NOTHING_KNOWN) : answer.problem;
}

function plainLines(text: string): readonly string[] {
  return terminalLines(text).map((line) => line.runs.map((run) => run.text).join(""));
}

function tooltipOf(pos: number, text: string): Tooltip {
  return { pos, create: (view) => ({ dom: drawTooltip(view, text) }) };
}

function drawTooltip(view: EditorView, text: string): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "inspection";
  dom.dataset.testid = "inspection";
  const body = document.createElement("pre");
  body.className = "terminal";
  body.tabIndex = 0;
  body.setAttribute("role", "region");
  body.setAttribute("aria-label", "Description");
  body.append(drawLines(terminalLines(text).slice(0, MOST_LINES)));
  const hint = document.createElement("p");
  hint.className = "inspection-hint";
  hint.textContent = "Shift Tab: into the text · Esc: close";
  dom.append(body, hint);
  dom.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && !(event.key === "Tab" && event.shiftKey)) return;
    event.preventDefault();
    view.focus();
    if (event.key === "Escape") closeInspection(view);
  });
  return dom;
}

function belowHeader(): { top: number; left: number; bottom: number; right: number } {
  const top = document.querySelector(".notebook-header")?.getBoundingClientRect().bottom ?? 0;
  return { top, left: EDGE_PX, bottom: window.innerHeight - EDGE_PX, right: window.innerWidth - EDGE_PX };
}
