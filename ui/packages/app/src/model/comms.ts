// The comms that are open in the runtime and the state of their widgets, as runtime_core/comms.py keeps them. Pure.
// The state is Jupyter's widget protocol, version 2.
import type { Json } from "@runt/schema";

export type Fields = Readonly<Record<string, Json>>;

/** One message of a comm; `buffers` are base64. runtime_schema/live.py says what it means. */
export interface CommMessage {
  readonly kind: "open" | "msg" | "close";
  readonly commId: string;
  readonly targetName?: string;
  readonly data: Fields;
  readonly metadata: Fields;
  readonly buffers: readonly string[];
}

type Placed = readonly [path: Json, buffer: string];

interface Comm {
  readonly opened: CommMessage;
  state: Record<string, Json>;
  /** By the first step of their paths: what an update of that key replaces. */
  readonly buffers: Map<string, Placed[]>;
  /** Models that each key names. */
  readonly refs: Map<string, readonly string[]>;
}

const UPDATES: readonly unknown[] = ["update", "echo_update"];
const REFERENCE = /^(?:IPY_MODEL_|anywidget:)(.+)$/;
const VIEW_MIME = "application/vnd.jupyter.widget-view+json";

/** Tell whether a message sets state. */
export function isUpdate({ kind, data }: CommMessage): boolean {
  return kind === "msg" && UPDATES.includes(data.method);
}

/** The state that a message sets. */
export function stateOf({ data }: CommMessage): Fields {
  return isFields(data.state) ? data.state : {};
}

/** Read a message of unknown origin; null when it is none. */
export function readComm(value: unknown): CommMessage | null {
  const { kind, commId, targetName, data = {}, metadata = {}, buffers = [] } = isFields(value) ? value : ({} as Fields);
  if (kind !== "open" && kind !== "msg" && kind !== "close") return null;
  if (typeof commId !== "string" || commId === "" || !isFields(data) || !isFields(metadata)) return null;
  if (!isList(buffers) || !buffers.every((buffer): buffer is string => typeof buffer === "string")) return null;
  return { kind, commId, data, metadata, buffers, ...(typeof targetName === "string" ? { targetName } : {}) };
}

export class OpenComms {
  readonly #comms = new Map<string, Comm>();

  /** See a message of either side. */
  take(message: CommMessage): void {
    const { kind, commId } = message;
    if (kind === "close") this.#comms.delete(commId);
    else if (kind === "open") {
      const comm: Comm = { opened: message, state: {}, buffers: new Map(), refs: new Map() };
      this.#comms.set(commId, comm);
      merge(comm, message);
    } else if (isUpdate(message)) {
      const comm = this.#comms.get(commId);
      if (comm !== undefined) merge(comm, message);
    }
  }

  /** All are gone. */
  forget(): void {
    this.#comms.clear();
  }

  has(commId: string): boolean {
    return this.#comms.has(commId);
  }

  /** A comm as it would be opened now; null when it is not open. */
  reopened(commId: string): CommMessage | null {
    const comm = this.#comms.get(commId);
    if (comm === undefined) return null;
    const placed = [...comm.buffers.values()].flat();
    const data = { ...comm.opened.data, state: comm.state, buffer_paths: placed.map(([path]) => path) };
    return { ...comm.opened, data, buffers: placed.map(([, buffer]) => buffer) };
  }

  /**
   * The comms that a view of one needs: what it names, and what that names. What has no view and names one of these belongs
   * to them, too, as a link between two widgets does.
   */
  reachable(root: string): ReadonlySet<string> {
    const found = new Set<string>();
    this.#follow(root, found);
    const unseen = [...this.#comms].filter(([, { state, refs }]) => state._view_name === null && refs.size > 0);
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      for (const [id, { refs }] of unseen) {
        if (!found.has(id) && [...refs.values()].flat().some((ref) => found.has(ref))) this.#follow(id, found);
      }
    }
    return found;
  }

  #follow(start: string, found: Set<string>): void {
    const open = [start];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const comm = this.#comms.get(id);
      if (comm === undefined || found.has(id)) continue;
      found.add(id);
      for (const refs of comm.refs.values()) open.push(...refs);
    }
  }
}

function merge(comm: Comm, message: CommMessage): void {
  const state = stateOf(message);
  Object.assign(comm.state, state);
  for (const [key, value] of Object.entries(state)) {
    comm.buffers.delete(key);
    const refs = referencesIn(value);
    if (refs.length > 0) comm.refs.set(key, refs);
    else comm.refs.delete(key);
  }
  const paths = message.data.buffer_paths;
  if (!isList(paths)) return;
  paths.forEach((path, at) => {
    const buffer = message.buffers[at];
    if (!isList(path) || path.length === 0 || buffer === undefined) return;
    const key = String(path[0]);
    comm.buffers.set(key, [...(comm.buffers.get(key) ?? []), [path, buffer]]);
  });
}

/** Ids of the models that a value names, as references or as views among captured outputs. */
export function referencesIn(value: Json): readonly string[] {
  if (typeof value === "string") {
    const found = REFERENCE.exec(value)?.[1];
    return found === undefined ? [] : [found];
  }
  if (isList(value)) return value.flatMap(referencesIn);
  if (!isFields(value)) return [];
  const view = value[VIEW_MIME];
  const shown = isFields(view) && typeof view.model_id === "string" ? [view.model_id] : [];
  return [...shown, ...Object.values(value).flatMap(referencesIn)];
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
