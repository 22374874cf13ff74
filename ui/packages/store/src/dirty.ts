// What events changed since the last look, kept small: whole tables, or rows of a table under one key.

import { isEventName, MATERIALIZERS, type Query } from "@runt/schema";
import type { Args } from "./state";

/** An event took effect, took it again above a new confirmed state, or no longer has it. */
export type How = "applied" | "again" | "undone";

interface Changed {
  readonly name: string;
  readonly args: Args;
}

export class Dirty {
  private all = false;
  private whole = new Set<string>();
  private keyed = new Map<string, Map<string, Set<unknown>>>();
  private texts = false;
  private lowestChunks = new Map<unknown, number>();

  /** Note the rows that an event writes. */
  note(name: string, args: Args, how: How = "applied"): void {
    if (!isEventName(name)) return;
    const { writes } = MATERIALIZERS[name];
    // What it had cleared is back, and nobody knows of which texts.
    if (how === "undone" && writes.output_chunks === null) this.texts = true;
    for (const table in writes) {
      const key = writes[table] ?? null;
      if (key === null) this.whole.add(table);
      else this.noteKeyed(table, key, args[key]);
    }
    if (how !== "again" && writes.output_chunks === "outputId" && typeof args.n === "number") {
      this.lowestChunks.set(args.outputId, Math.min(args.n, this.lowestChunks.get(args.outputId) ?? args.n));
    }
  }

  /**
   * Note that an event no longer stands after `passed`. Where one adds to texts and another clears them, chunks before the
   * last one may have come back or gone by that alone, though each event takes effect as before.
   */
  noteMoved(event: Changed, passed: readonly Changed[]): void {
    const written = chunksWritten(event);
    if (written === undefined) return;
    const matters = (other: string | null | undefined): boolean => other === null || (other !== undefined && written === null);
    if (passed.some((one) => matters(chunksWritten(one)))) this.texts = true;
  }

  /** Note that the state is another one. */
  everything(): void {
    this.all = true;
  }

  /** Tell whether a query's rows may differ; agrees with `isStale` of each noted event. */
  touches(reads: Query<unknown, never>["reads"], params: Readonly<Record<string, unknown>>): boolean {
    if (this.all) return true;
    for (const table in reads) {
      if (this.whole.has(table)) return true;
      const key = reads[table] ?? null;
      for (const [written, values] of this.keyed.get(table) ?? []) {
        if (key === null || written !== key || values.has(params[key])) return true;
      }
    }
    return false;
  }

  /** The lowest chunk of a text that came or went, which a reader behind it need not see as an addition. */
  lowestChunk(outputId: string): number {
    return this.all || this.texts ? Number.NEGATIVE_INFINITY : (this.lowestChunks.get(outputId) ?? Number.POSITIVE_INFINITY);
  }

  /** Hand over what was noted, and begin anew. */
  take(): Dirty {
    const taken = new Dirty();
    [taken.all, this.all] = [this.all, false];
    [taken.whole, this.whole] = [this.whole, taken.whole];
    [taken.keyed, this.keyed] = [this.keyed, taken.keyed];
    [taken.texts, this.texts] = [this.texts, false];
    [taken.lowestChunks, this.lowestChunks] = [this.lowestChunks, taken.lowestChunks];
    return taken;
  }

  private noteKeyed(table: string, key: string, value: unknown): void {
    const keys = this.keyed.get(table) ?? new Map<string, Set<unknown>>();
    this.keyed.set(table, keys);
    const values = keys.get(key) ?? new Set();
    keys.set(key, values);
    values.add(value);
  }
}

/** The arg that names the text an event adds to, null for one that clears texts, undefined for others. */
function chunksWritten({ name }: Changed): string | null | undefined {
  return isEventName(name) ? MATERIALIZERS[name].writes.output_chunks : undefined;
}
