// The messages of the port between page and worker, and the check of what the worker posts. The check trusts nothing: user
// code holds the same port as the agent.

import { DEFAULT_LIMITS, decodeJsonText, InvalidJsonError, isId, isMimeType, isSha256, type Json, type StreamName } from "@runt/schema";

export type Fields = Readonly<Record<string, unknown>>;

/** Where text goes. */
export interface Place {
  readonly execution: string;
  readonly session: string;
  readonly stream: StreamName;
}

/** State of an agent, as `runtime_core` names it. */
export type Phase = "new" | "starting" | "ready" | "restarting" | "stopping" | "stopped";

export interface CommitMessage {
  readonly t: "commit";
  readonly id: number;
  readonly name: string;
  readonly args: Fields;
  /** Characters of the message, for bounds. */
  readonly size: number;
}
export interface SubscribeMessage {
  readonly t: "subscribe";
  readonly id: number;
  readonly query: string;
  readonly params: Fields;
  readonly confirmed: boolean;
}
export interface LiveRequestMessage {
  readonly t: "live";
  readonly id: number;
  readonly topic: string;
  readonly data: Json;
  readonly to?: string;
}
export interface AnswerMessage {
  readonly t: "answer";
  readonly id: number;
  readonly data: Json;
}
export interface InputMessage {
  readonly t: "input";
  readonly id: number;
  readonly execution: string;
  readonly session: string;
  readonly prompt: string;
  readonly password: boolean;
  /** Characters of the message, for bounds. */
  readonly size: number;
}
export interface ArtifactMessage {
  readonly t: "artifact";
  readonly sha256: string;
  readonly mimeType: string;
  readonly bytes: ArrayBuffer;
}

/** What the worker posts. */
export type WorkerMessage =
  | { readonly t: "text"; readonly text: string }
  | ({ readonly t: "place" } & Place)
  | CommitMessage
  | SubscribeMessage
  | { readonly t: "unsubscribe"; readonly id: number }
  | { readonly t: "hear"; readonly topic: string }
  | { readonly t: "unhear"; readonly topic: string }
  | LiveRequestMessage
  | AnswerMessage
  | { readonly t: "phase"; readonly phase: Phase }
  | { readonly t: "progress"; readonly text: string }
  | { readonly t: "ended"; readonly reason: string; readonly problem: string | null }
  | { readonly t: "busy"; readonly execution: string; readonly number: number }
  | { readonly t: "idle"; readonly execution: string }
  | InputMessage
  | { readonly t: "restart" }
  | { readonly t: "file"; readonly id: number; readonly name: string }
  | ArtifactMessage;

/** Something that fits none of them; `about` is what waits for an answer, where that can be told. */
export interface Misfit {
  readonly t: "misfit";
  readonly problem: string;
  readonly about: { readonly t: string; readonly id: number } | null;
}

interface Standing {
  readonly connected: boolean;
  readonly head: number;
  readonly pending: number;
}

/** What the page posts as JSON text; the bytes of a file go as an object. */
export type PageMessage =
  | {
      readonly t: "welcome";
      readonly storeSessionId: string;
      readonly clientId: string;
      readonly status: Standing;
      readonly limits: { readonly eventBytes: number };
      readonly config: Readonly<Record<string, Json>>;
    }
  | ({ readonly t: "status" } & Standing)
  | { readonly t: "rows"; readonly id: number; readonly rows: readonly (readonly (string | number | null)[])[] }
  | { readonly t: "applied"; readonly id: number; readonly seq: number; readonly applied: boolean }
  | { readonly t: "rejected"; readonly id: number; readonly code: string; readonly message: string }
  | {
      readonly t: "live";
      readonly id: number;
      readonly topic: string;
      readonly data: Json;
      readonly sender: string;
      readonly clientId: string;
    }
  | { readonly t: "answered"; readonly id: number; readonly data: Json }
  | { readonly t: "unanswered"; readonly id: number; readonly message: string }
  | { readonly t: "interrupt"; readonly number: number }
  | { readonly t: "stop" }
  | { readonly t: "no-file"; readonly id: number; readonly message: string };

/** Longest message that is parsed, in UTF-16 units: the largest event, with every character escaped, is shorter. */
export const MESSAGE_LIMIT = 2 * 1024 * 1024;

const NAME_LIMIT = 128;
const PHASES: readonly string[] = ["new", "starting", "ready", "restarting", "stopping", "stopped"] satisfies Phase[];

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0;
const isString: Check = (value) => typeof value === "string";
const isName: Check = (value) => typeof value === "string" && value.length > 0 && value.length <= NAME_LIMIT;
const isFlag: Check = (value) => typeof value === "boolean";
const isIdentifier: Check = (value) => typeof value === "string" && isId(value);
const isStream: Check = (value) => value === "stdout" || value === "stderr";
const isGiven: Check = (value) => value !== undefined;
const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

const SHAPES: Readonly<Record<Exclude<WorkerMessage["t"], "text" | "artifact">, Readonly<Record<string, Check>>>> = {
  place: { execution: isIdentifier, session: isIdentifier, stream: isStream },
  commit: { id: isNumber, name: isName, args: isObject },
  subscribe: { id: isNumber, query: isName, params: isObject, confirmed: isFlag },
  unsubscribe: { id: isNumber },
  hear: { topic: isName },
  unhear: { topic: isName },
  live: { id: isNumber, topic: isName, data: isGiven, to: (value) => value === undefined || isIdentifier(value) },
  answer: { id: isNumber, data: isGiven },
  phase: { phase: (value) => typeof value === "string" && PHASES.includes(value) },
  progress: { text: isString },
  ended: { reason: isName, problem: (value) => value === null || isString(value) },
  busy: { execution: isIdentifier, number: isNumber },
  idle: { execution: isIdentifier },
  input: { id: isNumber, execution: isIdentifier, session: isIdentifier, prompt: isString, password: isFlag },
  restart: {},
  file: { id: isNumber, name: isName },
};

/** Read what came over the port. */
export function parseWorkerMessage(data: unknown): WorkerMessage | Misfit {
  if (typeof data !== "string") return parseArtifact(data);
  if (data.startsWith("T")) return { t: "text", text: data.slice(1) };
  if (data.length > MESSAGE_LIMIT) return misfit(`it has ${data.length} characters, at most ${MESSAGE_LIMIT} are taken`, headOf(data));
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return misfit("it is not JSON");
  }
  if (!isObject(message) || typeof message.t !== "string" || !Object.hasOwn(SHAPES, message.t)) return misfit("it is of no known kind");
  const { t } = message;
  const about = typeof message.id === "number" && isNumber(message.id) ? { t, id: message.id } : null;
  const shape = SHAPES[t as keyof typeof SHAPES];
  for (const field in shape) {
    if (!shape[field]?.(message[field])) return misfit(`${t}.${field} does not fit`, about);
  }
  if ("data" in shape) {
    const problem = dataProblem(data);
    if (problem !== null) return misfit(`${t}.data: ${problem}`, about);
  }
  // Every field that the type names was checked by the shape.
  return { ...message, size: data.length } as unknown as WorkerMessage;
}

function parseArtifact(data: unknown): ArtifactMessage | Misfit {
  if (!isObject(data) || data.t !== "artifact") return misfit("it is of no known kind");
  const { sha256, mimeType, bytes } = data;
  const fits =
    typeof sha256 === "string" && isSha256(sha256) && typeof mimeType === "string" && isMimeType(mimeType) && bytes instanceof ArrayBuffer;
  return fits ? { t: "artifact", sha256, mimeType, bytes } : misfit("artifact does not fit");
}

/** What goes on to other clients must be bearable for them: strict JSON of a live message's size. */
function dataProblem(text: string): string | null {
  const limit = DEFAULT_LIMITS.liveBytes;
  if (text.length > limit || new TextEncoder().encode(text).length > limit) return `at most ${limit} bytes are taken`;
  try {
    decodeJsonText(text);
    return null;
  } catch (error) {
    if (error instanceof InvalidJsonError) return error.problem;
    throw error;
  }
}

/** Whoever sent something too long to read still waits for an answer. */
function headOf(text: string): Misfit["about"] {
  const found = /^\{\s*"t"\s*:\s*"([a-z]+)"\s*,\s*"id"\s*:\s*(\d{1,15})\s*[,}]/.exec(text.slice(0, 100));
  return found?.[1] === undefined ? null : { t: found[1], id: Number(found[2]) };
}

function misfit(problem: string, about: Misfit["about"] = null): Misfit {
  return { t: "misfit", problem, about };
}
