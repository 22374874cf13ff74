// Completion in a code cell: the runtime is asked while people type or when they press Tab; without its answer the words of
// the cell and of the language stand in. CodeMirror drops what comes too late for the text that is there by then.
import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeCompletion,
  completionStatus,
  insertCompletionText,
  selectedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import { type EditorState, type Extension, Prec } from "@codemirror/state";
import { type EditorView, keymap } from "@codemirror/view";
import { type CodeWindow, utf16Units, windowAt } from "../model/code-window";
import { iconOf, isCompletable, kindInWords, knownWords, opensByItself, withoutRepetition } from "../model/completion";
import { type Answer, type CompletionMatch, readCompletions } from "../model/live-answers";
import type { Ask } from "./state";

/** How long a list that opens by itself waits for the runtime; one that was asked for waits as long as the live channel. */
const PATIENCE_MS = 1_000;
const TYPING_MS = 100;
/** While a word grows, a list of all its continuations is only narrowed down. */
const STILL_THE_WORD = /^%{0,2}[\p{L}\p{N}_]*$/u;
const NO_ANSWER: Answer = { problem: "The runtime takes too long." };

/** The completion of a code cell's editor. */
export function codeCompletion(ask: Ask): Extension {
  return [
    // Before the keys of the list itself, which take Enter in any case.
    Prec.highest(
      keymap.of([
        { key: "Enter", run: closeWhenWritten },
        { key: "Tab", run: completeAtCaret },
      ]),
    ),
    autocompletion({
      override: [completionSource(ask)],
      activateOnTypingDelay: TYPING_MS,
      maxRenderedOptions: 300,
      tooltipClass: () => "completions",
    }),
  ];
}

/** Tell whether a list of completions is open. */
export function isCompleting(state: EditorState): boolean {
  return completionStatus(state) === "active";
}

/** Make the function that finds completions. It has one question on the way at a time. */
export function completionSource(ask: Ask): (context: CompletionContext) => Promise<CompletionResult | null> {
  let last: Promise<unknown> = Promise.resolve();
  const askAbout = ({ code, cursor }: CodeWindow, context: CompletionContext): Promise<Answer> => {
    const answer = last.then(() => (context.aborted ? NO_ANSWER : ask("complete", { code, cursor })));
    last = answer;
    return context.explicit ? answer : within(PATIENCE_MS, answer, NO_ANSWER);
  };
  return async (context) => {
    const { state, pos, explicit } = context;
    if (state.selection.ranges.length > 1) return null;
    if (!explicit && (!opensByItself(lineBefore(state, pos)) || isInText(state, pos))) return null;
    const source = state.doc.toString();
    const window = windowAt(source, pos);
    const found = readCompletions(await askAbout(window, context));
    if (context.aborted) return null;
    if (found === null) {
      const words = knownWords(source, pos);
      return resultOf(context, words.matches, words.start, pos);
    }
    const place = (cursor: number) => window.offset + utf16Units(window.code, cursor);
    return resultOf(context, found.matches, place(found.start), place(found.end));
  };
}

function resultOf(context: CompletionContext, found: readonly CompletionMatch[], start: number, to: number): CompletionResult | null {
  const { state, pos, explicit, view } = context;
  if (found.length === 0 || start > pos || to < pos) return null;
  const { matches, repeated } = withoutRepetition(found, state.sliceDoc(start, pos));
  const from = start + repeated;
  const typed = state.sliceDoc(from, pos).toLowerCase();
  const [only] = matches;
  if (explicit && matches.length === 1 && only !== undefined && view !== undefined) {
    view.dispatch(insertCompletionText(state, only.text, from, to));
    return null;
  }
  const continues = matches.every((match) => match.text.toLowerCase().startsWith(typed));
  return {
    from,
    to,
    options: matches.map(optionOf),
    // What a runtime found by rules of its own is shown as it is.
    filter: continues,
    ...(continues ? { validFor: STILL_THE_WORD } : {}),
  };
}

/** The order is the runtime's, which knows best: private names come last. */
function optionOf(match: CompletionMatch, place: number): Completion {
  return {
    label: match.text,
    type: iconOf(match.type),
    detail: kindInWords(match.type),
    sortText: String(place).padStart(6, "0"),
  };
}

/** Enter after a word that is complete ends the line, as it does without a list. */
function closeWhenWritten(view: EditorView): boolean {
  const label = selectedCompletion(view.state)?.label;
  const { head } = view.state.selection.main;
  if (label !== undefined && view.state.sliceDoc(Math.max(0, head - label.length), head) === label) closeCompletion(view);
  return false;
}

function completeAtCaret(view: EditorView): boolean {
  if (isCompleting(view.state)) return acceptCompletion(view) || true;
  const { main, ranges } = view.state.selection;
  if (!main.empty || ranges.length > 1 || !isCompletable(lineBefore(view.state, main.head))) return false;
  return startCompletion(view);
}

function lineBefore(state: EditorState, pos: number): string {
  return state.sliceDoc(state.doc.lineAt(pos).from, pos);
}

/** In a string or a comment nothing opens by itself. */
function isInText(state: EditorState, pos: number): boolean {
  return /^(?:Comment|String|FormatString|ContinuedString)$/.test(syntaxTree(state).resolveInner(pos, -1).name);
}

async function within<T>(ms: number, wanted: Promise<T>, otherwise: T): Promise<T> {
  let timer = 0;
  const late = new Promise<T>((resolve) => {
    timer = window.setTimeout(() => resolve(otherwise), ms);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    window.clearTimeout(timer);
  }
}
