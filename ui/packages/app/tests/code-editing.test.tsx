// An editor with a scripted runtime behind it: Tab, Shift-Tab, Enter and Escape in a code cell.
import { completionStatus, currentCompletions } from "@codemirror/autocomplete";
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, runScopeHandlers } from "@codemirror/view";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Answer } from "../src/model/live-answers";
import { codeCompletion } from "../src/notebook/code-completion";
import { codeInspection, isInspecting } from "../src/notebook/code-inspection";

let view: EditorView;
let asked: string[];
// happy-dom tells of a selection at once, and so in the middle of the editor's own update; browsers do it later.
beforeAll(() => document.addEventListener("selectionchange", (event) => event.stopImmediatePropagation()));
afterEach(() => view.destroy());

function edit(doc: string, answer: Answer | Promise<Answer>): void {
  asked = [];
  const ask = (question: string) => {
    asked.push(question);
    return Promise.resolve(answer);
  };
  view = new EditorView({
    parent: document.body,
    state: EditorState.create({
      doc,
      selection: { anchor: doc.length },
      extensions: [keymap.of([indentWithTab]), python(), codeCompletion(ask), codeInspection(ask)],
    }),
  });
  view.focus();
}

const press = (key: string, shiftKey = false) =>
  runScopeHandlers(view, new KeyboardEvent("keydown", { key, shiftKey, keyCode: { Tab: 9, Enter: 13, Escape: 27 }[key] ?? 0 }), "editor");
const text = () => view.state.doc.toString();
const tip = () => view.dom.querySelector("[data-testid=inspection]");
const completions = (...texts: string[]): Answer => ({
  data: { matches: texts.map((one) => ({ text: one, type: "function" })), start: 0, end: 2 },
});
const description = (plain: string): Answer => ({ data: { bundle: { "text/plain": plain } } });

describe("Tab", () => {
  it("indents at the start of a line", () => {
    edit("", completions("print"));
    press("Tab");
    expect(text()).toBe("  ");
    expect(asked).toEqual([]);
  });

  it("writes the only completion there is", async () => {
    edit("pr", completions("print"));
    press("Tab");
    await vi.waitFor(() => expect(text()).toBe("print"));
    expect(completionStatus(view.state)).toBeNull();
  });

  it("opens a list of several, of which a second one takes the first", async () => {
    edit("pr", completions("property", "print"));
    press("Tab");
    await vi.waitFor(() => expect(currentCompletions(view.state).map(({ label }) => label)).toEqual(["property", "print"]));
    await vi.waitFor(() => {
      press("Tab");
      expect(text()).toBe("property");
    });
  });
});

describe("Escape", () => {
  it("closes the list", async () => {
    edit("pr", completions("property", "print"));
    press("Tab");
    await vi.waitFor(() => expect(completionStatus(view.state)).toBe("active"));
    press("Escape");
    expect(completionStatus(view.state)).toBeNull();
    expect(text()).toBe("pr");
  });
});

describe("Enter", () => {
  it("ends the line after a word that is written in full", async () => {
    edit("pr", completions("pr", "print"));
    press("Tab");
    await vi.waitFor(() => expect(completionStatus(view.state)).toBe("active"));
    press("Enter");
    expect(completionStatus(view.state)).toBeNull();
    expect(text()).toBe("pr");
  });
});

describe("Shift-Tab", () => {
  it("shows what the runtime knows, in its colours, until something is typed", async () => {
    edit("len", description("\u001b[31mSignature:\u001b[39m len(obj)"));
    press("Tab", true);
    await vi.waitFor(() => expect(isInspecting(view.state)).toBe(true));
    expect(tip()?.querySelector("pre")?.textContent).toBe("Signature: len(obj)");
    expect(tip()?.querySelector(".ansi-fg-1")?.textContent).toBe("Signature:");
    view.dispatch({ changes: { from: 3, insert: "(" } });
    expect(isInspecting(view.state)).toBe(false);
  });

  it("pressed again goes into the text, which Escape closes", async () => {
    edit("len", description("x"));
    press("Tab", true);
    await vi.waitFor(() => expect(tip()).not.toBeNull());
    press("Tab", true);
    expect(document.activeElement).toBe(tip()?.querySelector("pre"));
    tip()?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(isInspecting(view.state)).toBe(false);
    expect(view.hasFocus).toBe(true);
  });

  it("says in words that nothing is known, or nobody can be asked", async () => {
    edit("nix", { data: { bundle: null } });
    press("Tab", true);
    await vi.waitFor(() => expect(tip()?.textContent).toContain("Nothing is known"));
    view.destroy();
    edit("nix", { problem: "There is no runtime to ask." });
    press("Tab", true);
    await vi.waitFor(() => expect(tip()?.textContent).toContain("There is no runtime to ask."));
  });

  it("drops an answer to what is no longer there", async () => {
    let answer: (value: Answer) => void = () => {};
    edit(
      "len",
      new Promise<Answer>((resolve) => {
        answer = resolve;
      }),
    );
    press("Tab", true);
    view.dispatch({ changes: { from: 3, insert: "g" } });
    answer(description("x"));
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    expect(isInspecting(view.state)).toBe(false);
  });

  it("takes indentation away at the start of a line", () => {
    edit("  ", description("x"));
    press("Tab", true);
    expect(text()).toBe("");
    expect(asked).toEqual([]);
  });
});
