// What a runtime answers to a page's questions, read once at the edge; runtime_schema/live.py says how it looks. Pure.
// What is malformed counts as nothing.
import type { Json } from "@runt/schema";

/** A runtime's answer without its `ok`, or why there is none, as a sentence. */
export type Answer = { readonly data: Readonly<Record<string, Json>> } | { readonly problem: string };

export interface CompletionMatch {
  readonly text: string;
  /** What it is, in the runtime's words: `function`, `module`, `instance`, ... */
  readonly type: string;
}

/** What may stand between `start` and `end`, which count code points. */
export interface Completions {
  readonly matches: readonly CompletionMatch[];
  readonly start: number;
  readonly end: number;
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly summary: string;
}

/** What a runtime uses; `limitBytes` is null where nothing limits its memory. */
export interface Resources {
  readonly rssBytes: number;
  readonly cpuPercent: number | null;
  readonly limitBytes: number | null;
}

/** Read the answer to a live message. */
export function readAnswer(value: Json): Answer {
  const fields = fieldsOf(value);
  if (fields.ok === true) return { data: fields };
  return { problem: textOf(fields.problem) || "The runtime gave no answer." };
}

export function readCompletions(data: Answer): Completions | null {
  if (!("data" in data)) return null;
  const { matches, start, end } = data.data;
  if (!isList(matches) || typeof start !== "number" || typeof end !== "number" || start > end) return null;
  const read = matches.map(fieldsOf).map(({ text, type }) => ({ text: textOf(text), type: textOf(type) }));
  return { matches: read.filter((match) => match.text !== ""), start, end };
}

/** The description of an object as terminal text; null when nothing is known of it. */
export function readDescription(data: Readonly<Record<string, Json>>): string | null {
  const bundle = fieldsOf(data.bundle ?? null);
  return textOf(bundle["text/plain"]) || textOf(bundle["text/markdown"]) || null;
}

/** By name, numbers in names by value; functions and classes come last. */
export function readVariables(data: Readonly<Record<string, Json>>): readonly Variable[] {
  const { variables } = data;
  if (!isList(variables)) return [];
  return variables
    .map(fieldsOf)
    .map(({ name, type, summary }) => ({ name: textOf(name), type: textOf(type), summary: textOf(summary) }))
    .filter((variable) => variable.name !== "")
    .sort((a, b) => Number(isDefinition(a)) - Number(isDefinition(b)) || a.name.localeCompare(b.name, "en", { numeric: true }));
}

export function readResources(data: Readonly<Record<string, Json>>): Resources | null {
  const { rssBytes, cpuPercent, limitBytes } = data;
  if (typeof rssBytes !== "number") return null;
  return {
    rssBytes,
    cpuPercent: typeof cpuPercent === "number" ? cpuPercent : null,
    limitBytes: typeof limitBytes === "number" && limitBytes > 0 ? limitBytes : null,
  };
}

function isDefinition({ type }: Variable): boolean {
  return type === "function" || type === "type";
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function fieldsOf(value: Json): Readonly<Record<string, Json>> {
  if (typeof value !== "object" || value === null || isList(value)) return {};
  return value;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
