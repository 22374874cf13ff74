// The check of an event's args against its definition: the verdicts and the words of runtime_schema/args.py.
// contract/args.json holds cases that both languages' tests read.

import { InvalidEventError } from "./errors";
import { isId } from "./ids";
import { jsonTextProblem, quote, stringProblem } from "./json-text";
import { isJsonMime, isMimeType, isSha256 } from "./media";
import { isPosition } from "./position";
import { EVENTS, type EventName, type FieldDefinition, type FieldKind, ID_PATTERN, MAX_INTEGER } from "./schema.gen";

type Fields = Readonly<Record<string, unknown>>;

/** Tell whether this version has a definition of the event. */
export function isEventName(name: string): name is EventName {
  return Object.hasOwn(EVENTS, name);
}

/**
 * Check the args of a known event. A field that is `undefined` counts as absent.
 *
 * @throws InvalidEventError - an unknown event, or the first field that does not fit
 */
export function checkArgs(name: string, args: unknown): void {
  if (!isEventName(name)) throw new InvalidEventError(name, "", "unknown event");
  if (!isObject(args)) throw new InvalidEventError(name, "", "args must be an object");
  const fields = EVENTS[name];
  for (const field of fields) {
    const problem = fieldProblem(field, args[field.name]);
    if (problem === null) continue;
    const path = problem.startsWith("[") ? problem : `: ${problem}`;
    const end = path.indexOf(": ");
    throw new InvalidEventError(name, field.name + path.slice(0, end), path.slice(end + 2));
  }
  const known = new Set(fields.map((field) => field.name));
  const [stray] = Object.keys(args)
    .filter((key) => args[key] !== undefined && !known.has(key))
    .sort();
  if (stray !== undefined) throw new InvalidEventError(name, firstChars(stray), "unknown field");
  if (name === "v1.ExecutionCancelRequested" && (args.executionId !== undefined) === (args.all === true)) {
    throw new InvalidEventError(name, "executionId", "give either executionId or all");
  }
}

function fieldProblem(field: FieldDefinition, value: unknown): string | null {
  if (value === undefined) return field.optional ? null : "missing";
  if (value === null) return "must not be null; leave it out";
  return problemOf(field.kind, value);
}

function problemOf(kind: FieldKind, value: unknown): string | null {
  if (typeof kind === "object") return "list" in kind ? listProblem(kind.list, value) : literalProblem(kind.literal, value);
  switch (kind) {
    case "string":
      return typeof value === "string" ? stringProblem(value) : `must be a string, not ${kindOf(value)}`;
    case "id":
      return typeof value === "string" && isId(value) ? null : `must match ${ID_PATTERN}`;
    case "integer":
      return integerProblem(value);
    case "boolean":
      return typeof value === "boolean" ? null : `must be true or false, not ${kindOf(value)}`;
    case "jsonText":
      return typeof value === "string" ? jsonTextProblem(value) : `must be a string of JSON text, not ${kindOf(value)}`;
    case "sha256":
      return typeof value === "string" && isSha256(value) ? null : "must be 64 lower-case hexadecimal digits";
    case "position":
      return typeof value === "string" && isPosition(value) ? null : "must be a position (a fractional index)";
    case "bundle":
      return bundleProblem(value);
    case "batchItem":
      return batchItemProblem(value);
  }
}

function integerProblem(value: unknown): string | null {
  if (typeof value !== "number" || !Number.isInteger(value)) return `must be an integer, not ${kindOf(value)}`;
  return Math.abs(value) > MAX_INTEGER ? `must be within ±${MAX_INTEGER}` : null;
}

function literalProblem(allowed: readonly string[], value: unknown): string | null {
  return typeof value === "string" && allowed.includes(value) ? null : `must be one of ${allowed.join(", ")}`;
}

function listProblem(kind: FieldKind, value: unknown): string | null {
  if (!Array.isArray(value)) return `must be a list, not ${kindOf(value)}`;
  for (const [place, item] of value.entries()) {
    const problem = problemOf(kind, item);
    if (problem !== null) return `[${place}]${problem.startsWith(".") ? problem : `: ${problem}`}`;
  }
  return null;
}

function batchItemProblem(value: unknown): string | null {
  if (!isObject(value)) return `must be an object, not ${kindOf(value)}`;
  if (!hasExactly(value, "executionId", "cellId", "source")) return "must have exactly executionId, cellId and source";
  for (const [key, kind] of [
    ["executionId", "id"],
    ["cellId", "id"],
    ["source", "string"],
  ] as const) {
    const problem = problemOf(kind, value[key]);
    if (problem !== null) return `.${key}: ${problem}`;
  }
  return null;
}

function bundleProblem(value: unknown): string | null {
  if (!isObject(value)) return `must be an object, not ${kindOf(value)}`;
  for (const [mimeType, representation] of Object.entries(value)) {
    if (!isMimeType(mimeType)) return `[${quote(firstChars(mimeType))}]: is not a lower-case MIME type`;
    if (!isObject(representation)) return `[${quote(mimeType)}]: must be an object`;
    const problem = representationProblem(mimeType, representation);
    if (problem !== null) return `[${quote(mimeType)}]${problem}`;
  }
  return null;
}

function representationProblem(mimeType: string, representation: Fields): string | null {
  if (representation.type === "inline" && hasExactly(representation, "type", "data")) {
    const problem = problemOf(isJsonMime(mimeType) ? "jsonText" : "string", representation.data);
    return problem && `.data: ${problem}`;
  }
  if (representation.type === "artifact" && hasExactly(representation, "type", "sha256", "sizeBytes")) {
    const problem = problemOf("sha256", representation.sha256) ?? problemOf("integer", representation.sizeBytes);
    return problem && `.sha256: ${problem}`;
  }
  return ': must be {"type":"inline","data"} or {"type":"artifact","sha256","sizeBytes"}';
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasExactly(value: Fields, ...keys: string[]): boolean {
  return Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));
}

function firstChars(text: string): string {
  return [...text].slice(0, 64).join("");
}

function kindOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a number";
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : "null";
}
