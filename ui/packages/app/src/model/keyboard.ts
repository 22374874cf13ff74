// The keys of the notebook, as in Jupyter: one table for behaviour and help, and the pure step from keystroke to command.

export type Mode = "command" | "edit";

export type Command =
  | "edit"
  | "leaveEdit"
  | "runAndAdvance"
  | "runInPlace"
  | "runAndInsert"
  | "insertAbove"
  | "insertBelow"
  | "delete"
  | "undoDelete"
  | "cut"
  | "copy"
  | "paste"
  | "pasteAbove"
  | "toCode"
  | "toMarkdown"
  | "toRaw"
  | "selectNext"
  | "selectPrevious"
  | "selectFirst"
  | "selectLast"
  | "moveUp"
  | "moveDown"
  | "split"
  | "mergeBelow"
  | "toggleOutput"
  | "interrupt"
  | "restart"
  | "save"
  | "help";

export interface Binding {
  readonly command: Command;
  /** Alternatives; a space separates the strokes of a sequence. */
  readonly keys: readonly string[];
  readonly modes: readonly Mode[];
  readonly label: string;
  /** A held key repeats the command. */
  readonly repeats?: true;
}

const BOTH: readonly Mode[] = ["command", "edit"];
const COMMAND: readonly Mode[] = ["command"];
const EDIT: readonly Mode[] = ["edit"];

export const BINDINGS: readonly Binding[] = [
  { command: "runAndAdvance", keys: ["Shift-Enter"], modes: BOTH, label: "Run the cell, go to the next" },
  { command: "runInPlace", keys: ["Mod-Enter"], modes: BOTH, label: "Run the cell, stay" },
  { command: "runAndInsert", keys: ["Alt-Enter"], modes: BOTH, label: "Run the cell, insert one below" },
  { command: "edit", keys: ["Enter"], modes: COMMAND, label: "Edit the cell" },
  { command: "leaveEdit", keys: ["Escape"], modes: EDIT, label: "Leave the editor" },
  { command: "split", keys: ["Mod-Shift--"], modes: EDIT, label: "Split the cell at the caret" },
  { command: "selectPrevious", keys: ["ArrowUp", "k"], modes: COMMAND, label: "Go to the cell above", repeats: true },
  { command: "selectNext", keys: ["ArrowDown", "j"], modes: COMMAND, label: "Go to the cell below", repeats: true },
  { command: "selectFirst", keys: ["Mod-Home", "Home"], modes: COMMAND, label: "Go to the first cell" },
  { command: "selectLast", keys: ["Mod-End", "End"], modes: COMMAND, label: "Go to the last cell" },
  { command: "insertAbove", keys: ["a"], modes: COMMAND, label: "Insert a cell above" },
  { command: "insertBelow", keys: ["b"], modes: COMMAND, label: "Insert a cell below" },
  { command: "moveUp", keys: ["Mod-Shift-ArrowUp"], modes: BOTH, label: "Move the cell up", repeats: true },
  { command: "moveDown", keys: ["Mod-Shift-ArrowDown"], modes: BOTH, label: "Move the cell down", repeats: true },
  { command: "delete", keys: ["d d"], modes: COMMAND, label: "Delete the cell" },
  { command: "undoDelete", keys: ["z"], modes: COMMAND, label: "Bring the deleted cell back" },
  { command: "cut", keys: ["x"], modes: COMMAND, label: "Cut the cell" },
  { command: "copy", keys: ["c"], modes: COMMAND, label: "Copy the cell" },
  { command: "paste", keys: ["v"], modes: COMMAND, label: "Paste below" },
  { command: "pasteAbove", keys: ["Shift-v"], modes: COMMAND, label: "Paste above" },
  { command: "toCode", keys: ["y"], modes: COMMAND, label: "Make it a code cell" },
  { command: "toMarkdown", keys: ["m"], modes: COMMAND, label: "Make it a Markdown cell" },
  { command: "toRaw", keys: ["r"], modes: COMMAND, label: "Make it a raw cell" },
  { command: "mergeBelow", keys: ["Shift-m"], modes: COMMAND, label: "Merge with the cell below" },
  { command: "toggleOutput", keys: ["o"], modes: COMMAND, label: "Hide or show the output" },
  { command: "interrupt", keys: ["i i"], modes: COMMAND, label: "Interrupt: stop what runs and what waits" },
  { command: "restart", keys: ["0 0"], modes: COMMAND, label: "Restart the runtime" },
  { command: "save", keys: ["Mod-s"], modes: BOTH, label: "Send edits now (they are kept anyway)" },
  { command: "help", keys: ["h", "?"], modes: COMMAND, label: "Show these keys" },
];

/** What the editor of a code cell does itself, for the help. */
export const EDITOR_KEYS: readonly Pick<Binding, "keys" | "label">[] = [
  { keys: ["Tab", "Mod-Space"], label: "Complete the word; at the start of a line, Tab indents" },
  { keys: ["Shift-Tab"], label: "Describe what is at the caret; again: into the description" },
  { keys: ["Enter", "Tab"], label: "Take the completion" },
  { keys: ["Escape"], label: "Close completions or description" },
];

/** What of a `KeyboardEvent` counts. */
export interface Stroke {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
}

/** The first stroke of a sequence that may be going on, and when it was. */
export interface Pending {
  readonly stroke: string;
  readonly atMs: number;
}

const SEQUENCE_MS = 1000;

/** Name a keystroke as `BINDINGS` does; Control and Command are both `Mod`. */
export function strokeName(stroke: Stroke): string {
  let key = stroke.key;
  // On a layout without Latin letters the physical key decides.
  if (key.length === 1 && key > "\u007f" && stroke.code.startsWith("Key")) key = stroke.code.slice(3);
  if (key === "_") key = "-";
  const letter = /^[a-zA-Z]$/.test(key);
  const mod = stroke.ctrlKey || stroke.metaKey;
  const shift = stroke.shiftKey && (letter || key.length > 1 || mod);
  return `${mod ? "Mod-" : ""}${stroke.altKey ? "Alt-" : ""}${shift ? "Shift-" : ""}${letter ? key.toLowerCase() : key}`;
}

/**
 * Tell what a keystroke means.
 *
 * @param pending - what the previous step returned
 * @param nowMs - time of the stroke, on any clock
 * @returns the command, or null; and the sequence that this stroke may begin
 */
export function interpretKey(
  pending: Pending | null,
  mode: Mode,
  stroke: Stroke,
  nowMs: number,
): { command: Command | null; pending: Pending | null } {
  const name = strokeName(stroke);
  const before = pending !== null && nowMs - pending.atMs <= SEQUENCE_MS ? `${pending.stroke} ${name}` : null;
  for (const wanted of [before, name]) {
    const binding = BINDINGS.find((one) => one.modes.includes(mode) && wanted !== null && one.keys.includes(wanted));
    if (binding !== undefined) {
      const ignored = stroke.repeat && binding.repeats !== true;
      return { command: ignored ? null : binding.command, pending: null };
    }
  }
  const begins = BINDINGS.some((one) => one.modes.includes(mode) && one.keys.some((key) => key.startsWith(`${name} `)));
  return { command: null, pending: begins && !stroke.repeat ? { stroke: name, atMs: nowMs } : null };
}

const CAPS: Readonly<Record<string, string>> = { Alt: "Alt", Shift: "Shift", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const MAC_CAPS: Readonly<Record<string, string>> = { ...CAPS, Mod: "⌘", Alt: "⌥", Shift: "⇧" };

/** Write a binding's key for people, cap by cap: `Mod-Shift-ArrowUp` as `Ctrl`, `Shift`, `↑`. */
export function keyCaps(key: string, mac: boolean): { readonly id: string; readonly text: string }[] {
  const names = mac ? MAC_CAPS : { ...CAPS, Mod: "Ctrl" };
  return key
    .split(/ |-(?=.)/)
    .map((part, place) => ({ id: `${part}${place}`, text: names[part] ?? (part.length === 1 ? part.toUpperCase() : part) }));
}
