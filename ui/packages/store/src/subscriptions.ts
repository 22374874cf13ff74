// Reactive reads: queries that are read again when their rows may differ, and texts that are read on from where they were.
// It decides what to read and whom to call; when, is the store's business.

import { type ChunkRow, type Query, queries, type SqlValue } from "@runt/schema";
import type { Dirty } from "./dirty";
import type { Replica } from "./replica";
import type { Row } from "./state";

export type Params = Readonly<Record<string, SqlValue>>;
type AnyQuery = Query<unknown, never>;
type Listener = (rows: readonly Row[]) => void;

/** One query with its parameters, looked at by all who asked for it. */
interface Watch {
  readonly query: AnyQuery;
  readonly params: Params;
  readonly confirmed: boolean;
  /** Those who cannot wait for the next frame, such as a runtime between two steps. */
  readonly prompt: boolean;
  /** Listeners, and whether each knows the rows. */
  readonly listeners: Map<Listener, boolean>;
  rows: readonly Row[] | null;
}

/** Rows that a renderer may read at any time: the same list until they differ, and then all watches change together. */
export interface RowsHandle {
  readonly rows: () => readonly Row[];
  readonly subscribe: (listener: () => void) => () => void;
}

/** A text that a renderer may read at any time. */
export interface TextHandle {
  readonly text: () => string;
  readonly subscribe: (listener: () => void) => () => void;
}

interface TextCursor {
  readonly outputId: string;
  readonly onAppend: (text: string, fromStart: boolean) => void;
  last: ChunkRow | null;
  seen: string;
  started: boolean;
}

const BEFORE_ALL = -Number.MAX_SAFE_INTEGER;

export class Subscriptions {
  private readonly replica: Replica;
  private readonly watches = new Map<string, Watch>();
  private readonly cursors = new Set<TextCursor>();

  constructor(replica: Replica) {
    this.replica = replica;
  }

  /** Look at a query's rows. The listener hears of them at the next flush, then whenever they differ. */
  add(query: AnyQuery, params: Params, confirmed: boolean, listener: Listener, prompt = false): () => void {
    // Each subscription is its own, even when two share a callback.
    const own: Listener = (rows) => listener(rows);
    return this.listen(this.open(query, params, confirmed, prompt), own, false);
  }

  /** Make a handle of a query's rows. It costs nothing until it is read, and nothing to forget. */
  handle(query: AnyQuery, params: Params, confirmed: boolean): RowsHandle {
    const key = watchKey(query, params, confirmed, false);
    let seen: { readonly version: number; readonly rows: readonly Row[] } | null = null;
    const rows = (): readonly Row[] => {
      const shared = this.watches.get(key)?.rows;
      if (shared) return shared;
      if (seen?.version !== this.replica.version) {
        const read = keepEqual(seen?.rows ?? [], this.read(query, params, confirmed), query.columns);
        seen = { version: this.replica.version, rows: read };
      }
      return seen.rows;
    };
    return {
      rows,
      subscribe: (listener) => {
        const now = rows();
        const watch = this.open(query, params, confirmed, false);
        watch.rows ??= now;
        return this.listen(watch, () => listener(), true);
      },
    };
  }

  /** Read rows now. */
  read(query: AnyQuery, params: Params, confirmed: boolean): Row[] {
    return confirmed ? this.replica.onConfirmed(() => this.replica.read(query, params)) : this.replica.read(query, params);
  }

  /** Follow a text by its chunks. */
  addText(outputId: string, onAppend: TextCursor["onAppend"]): () => void {
    const cursor: TextCursor = { outputId, onAppend, last: null, seen: "", started: false };
    this.cursors.add(cursor);
    return () => this.cursors.delete(cursor);
  }

  /** Make a handle of a text. */
  handleText(outputId: string): TextHandle {
    const listeners = new Set<() => void>();
    const cursor: TextCursor = {
      outputId,
      onAppend: () => {
        for (const listener of listeners) listener();
      },
      last: null,
      seen: "",
      started: false,
    };
    let version = -1;
    const text = (): string => {
      if (!this.cursors.has(cursor) && version !== this.replica.version) {
        this.load(cursor);
        version = this.replica.version;
      }
      return cursor.seen;
    };
    return {
      text,
      subscribe: (listener) => {
        text();
        const own = (): void => listener();
        listeners.add(own);
        this.cursors.add(cursor);
        return () => {
          listeners.delete(own);
          if (listeners.size === 0 && this.cursors.delete(cursor)) version = -1;
        };
      },
    };
  }

  /** Read what is stale and give the calls to make, in order. The state is whole while it reads, and nobody is called. */
  flush(dirty: Dirty, dirtyConfirmed: Dirty): (() => void)[] {
    const calls = this.look(this.watches.values(), dirty, dirtyConfirmed);
    for (const cursor of this.cursors) {
      const first = cursor.last?.n ?? BEFORE_ALL;
      if (!cursor.started || dirty.lowestChunk(cursor.outputId) <= first) this.readAll(cursor, calls);
      else if (dirty.touches(queries.chunks.reads, { outputId: cursor.outputId })) this.readOn(cursor, calls);
    }
    return calls;
  }

  /** The same for those who cannot wait; what is dirty stays so for the others. */
  flushPrompt(dirty: Dirty, dirtyConfirmed: Dirty): (() => void)[] {
    const prompt = [...this.watches.values()].filter((watch) => watch.prompt);
    return prompt.length === 0 ? [] : this.look(prompt, dirty, dirtyConfirmed);
  }

  private look(watches: Iterable<Watch>, dirty: Dirty, dirtyConfirmed: Dirty): (() => void)[] {
    const calls: (() => void)[] = [];
    const confirmed: Watch[] = [];
    for (const watch of watches) {
      if (watch.rows !== null && !(watch.confirmed ? dirtyConfirmed : dirty).touches(watch.query.reads, watch.params)) {
        this.greet(watch, calls);
      } else if (watch.confirmed) confirmed.push(watch);
      else this.refresh(watch, calls);
    }
    if (confirmed.length > 0) {
      this.replica.onConfirmed(() => {
        for (const watch of confirmed) this.refresh(watch, calls);
      });
    }
    return calls;
  }

  private open(query: AnyQuery, params: Params, confirmed: boolean, prompt: boolean): Watch {
    const key = watchKey(query, params, confirmed, prompt);
    let watch = this.watches.get(key);
    if (watch === undefined) {
      watch = { query, params, confirmed, prompt, listeners: new Map(), rows: null };
      this.watches.set(key, watch);
    }
    return watch;
  }

  private listen(watch: Watch, listener: Listener, knows: boolean): () => void {
    const key = watchKey(watch.query, watch.params, watch.confirmed, watch.prompt);
    watch.listeners.set(listener, knows);
    return () => {
      watch.listeners.delete(listener);
      if (watch.listeners.size === 0 && this.watches.get(key) === watch) this.watches.delete(key);
    };
  }

  private refresh(watch: Watch, calls: (() => void)[]): void {
    const rows = keepEqual(watch.rows ?? [], this.replica.read(watch.query, watch.params), watch.query.columns);
    if (rows !== watch.rows) {
      watch.rows = rows;
      for (const listener of watch.listeners.keys()) watch.listeners.set(listener, false);
    }
    this.greet(watch, calls);
  }

  /** Call those who do not know the rows. */
  private greet(watch: Watch, calls: (() => void)[]): void {
    const rows = watch.rows ?? [];
    for (const [listener, knows] of watch.listeners) {
      if (knows) continue;
      watch.listeners.set(listener, true);
      calls.push(() => watch.listeners.has(listener) && listener(rows));
    }
  }

  private load(cursor: TextCursor): void {
    const rows = this.chunks(cursor.outputId, BEFORE_ALL);
    cursor.last = rows.at(-1) ?? null;
    cursor.seen = rows.map((row) => row.text).join("");
    cursor.started = true;
  }

  private readAll(cursor: TextCursor, calls: (() => void)[]): void {
    const [started, before] = [cursor.started, cursor.seen];
    this.load(cursor);
    const text = cursor.seen;
    if (!started || text !== before) calls.push(() => this.cursors.has(cursor) && cursor.onAppend(text, true));
  }

  private readOn(cursor: TextCursor, calls: (() => void)[]): void {
    const { last } = cursor;
    // The last chunk is read once more: where it is gone, the text was cleared.
    const rows = this.chunks(cursor.outputId, last === null ? BEFORE_ALL : last.n - 1);
    if (last !== null && (rows[0]?.n !== last.n || rows[0].text !== last.text)) {
      this.readAll(cursor, calls);
      return;
    }
    const added = last === null ? rows : rows.slice(1);
    if (added.length === 0) return;
    const text = added.map((row) => row.text).join("");
    cursor.last = added.at(-1) ?? null;
    cursor.seen += text;
    calls.push(() => this.cursors.has(cursor) && cursor.onAppend(text, false));
  }

  private chunks(outputId: string, after: number): readonly ChunkRow[] {
    // The catalogue's columns are the row's fields; the generator wrote both.
    return this.replica.read(queries.chunks, { outputId, after }) as unknown as readonly ChunkRow[];
  }
}

/** Put old row objects, and the old list, in the place of equal new ones. */
export function keepEqual(before: readonly Row[], after: readonly Row[], columns: readonly string[]): readonly Row[] {
  const key = columns[0] ?? "";
  const known = new Map(before.map((row) => [row[key], row]));
  const same = (a: Row | undefined, b: Row): a is Row => a !== undefined && columns.every((column) => a[column] === b[column]);
  const kept = after.map((row, place) => {
    const candidate = [before[place], known.get(row[key] ?? null)].find((old) => same(old, row));
    return candidate ?? row;
  });
  return kept.length === before.length && kept.every((row, place) => row === before[place]) ? before : kept;
}

function watchKey(query: AnyQuery, params: Params, confirmed: boolean, prompt: boolean): string {
  return JSON.stringify([query.name, confirmed, prompt, ...query.params.map((param) => params[param] ?? null)]);
}
