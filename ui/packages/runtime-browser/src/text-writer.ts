// The text of a worker's executions: from raw writes, each with its place, to StreamAppended events. It owns the ids of
// stream outputs and the numbers of their chunks, and tells how much text was taken, so that a fast writer can be held.

import type { Clock } from "@runt/store";
import { type Chunk, TextCoalescer } from "./coalesce";
import type { Place } from "./messages";
import { isRefusal, type Outbox, type Refusal } from "./outbox";
import { encodedSize } from "./text";

interface OpenStream {
  readonly stream: Place["stream"];
  readonly outputId: string;
  chunks: number;
}

interface Ports {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly newId: () => string;
  /** How long text is gathered at least. */
  readonly intervalMs: number | undefined;
  /** Hears how many UTF-16 units were taken so far, modulo 2^31, when that has grown. */
  readonly onTaken: (units: number) => void;
  /** Hears of text that was not recorded, and why. */
  readonly onRefused: (refusal: Refusal) => void;
}

const MIB = 1024 * 1024;
const COUNTER = 2 ** 31;
// Executions whose last stream goes on when more text comes; beyond them the oldest begins another output.
const MOST_OPEN = 64;

export class TextWriter {
  private readonly ports: Ports;
  private readonly coalescer: TextCoalescer<Place>;
  private readonly open = new Map<string, OpenStream>();
  private readonly dropped = new Map<string, { readonly place: Place; units: number }>();
  private place: Place | null = null;
  private cancelTimer: (() => void) | null = null;
  private received = 0;
  private told = 0;

  constructor(ports: Ports) {
    this.ports = ports;
    this.coalescer = new TextCoalescer(ports.intervalMs);
  }

  /** Text goes there from now on; `null` is nowhere. */
  moveTo(place: Place | null): void {
    this.place = place;
  }

  /** Take a write. */
  write(text: string): void {
    const { place } = this;
    const { clock, outbox } = this.ports;
    if (place === null || outbox.undecidedBytes > outbox.bounds.output) {
      this.drop(text.length);
      return;
    }
    if (this.dropped.size > 0) this.flush();
    this.received += text.length;
    this.append(this.coalescer.add(place, text, clock.monotonicMs()));
    this.arm();
  }

  /** Count text that is not kept; a note will say so where it would have stood. */
  drop(units: number): void {
    this.received += units;
    const { place } = this;
    if (place !== null && units > 0) {
      const entry = this.dropped.get(place.execution);
      if (entry !== undefined) entry.units += units;
      else if (this.dropped.size < MOST_OPEN) this.dropped.set(place.execution, { place, units });
    }
    this.tell();
  }

  /** Commit what was gathered, because something else must come after it. */
  flush(): void {
    const { clock, outbox } = this.ports;
    this.append(this.coalescer.flush(clock.monotonicMs()));
    for (const [execution, { place, units }] of this.dropped) {
      // Notes still go above the bound of text, but not without end.
      if (outbox.undecidedBytes > (outbox.bounds.output + outbox.bounds.total) / 2) break;
      this.dropped.delete(execution);
      this.note(place, `${(units / MIB).toFixed(1)} MiB of text were dropped here: the notebook could not take them in time`);
    }
  }

  /** Another output of the execution stands after its text: more text is a new output. */
  cut(execution: string): void {
    this.open.delete(execution);
  }

  /** Tell the people who watch a cell what happened to it, on its standard error. */
  note(where: Omit<Place, "stream">, text: string): void {
    const line = `\n[${text}]\n`;
    this.commit({ key: { ...where, stream: "stderr" }, text: line, sizeBytes: encodedSize(line) });
  }

  /** Tell how much was taken, unless too much of what the worker sent is still undecided. */
  tell(): void {
    const taken = this.received - this.coalescer.waitingUnits;
    if (taken === this.told || this.ports.outbox.isFull) return;
    this.told = taken;
    this.ports.onTaken(taken % COUNTER);
  }

  /** Let no timer ring any more; whoever wants the rest committed flushes before. */
  close(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  private arm(): void {
    const { clock } = this.ports;
    const due = this.coalescer.dueMs;
    if (due === null || this.cancelTimer !== null) return;
    this.cancelTimer = clock.setTimer(Math.max(0, due - clock.monotonicMs()), () => {
      this.cancelTimer = null;
      this.append(this.coalescer.tick(clock.monotonicMs()));
      this.arm();
    });
  }

  private append(chunks: readonly Chunk<Place>[]): void {
    for (const chunk of chunks) this.commit(chunk);
    this.tell();
  }

  private commit({ key, text, sizeBytes }: Chunk<Place>): void {
    const { execution, session, stream } = key;
    const { outbox, onRefused } = this.ports;
    const { outputId, n } = this.next(execution, stream);
    const args = { outputId, executionId: execution, sessionId: session, stream, n, text };
    const sent = outbox.commit("v1.StreamAppended", args, sizeBytes);
    if (isRefusal(sent)) onRefused(sent);
    else void sent.then((decision) => isRefusal(decision) && onRefused(decision));
  }

  private next(execution: string, stream: Place["stream"]): { readonly outputId: string; readonly n: number } {
    let open = this.open.get(execution);
    if (open?.stream !== stream) {
      this.open.delete(execution);
      const [oldest] = this.open.keys();
      if (this.open.size >= MOST_OPEN && oldest !== undefined) this.open.delete(oldest);
      open = { stream, outputId: this.ports.newId(), chunks: 0 };
      this.open.set(execution, open);
    }
    open.chunks += 1;
    return { outputId: open.outputId, n: open.chunks - 1 };
  }
}
