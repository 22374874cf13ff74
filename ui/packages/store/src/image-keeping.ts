// When the confirmed state is copied to be kept: in a quiet moment, not so often that the disk is busy with it, and when asked to.

import { queries, RULES_HASH } from "@runt/schema";
import type { Clock } from "./clock";
import type { Keeper } from "./keeper";
import type { Replica } from "./replica";

const QUIET_MS = 2_000;
/** On average no more is written than this. */
const BYTES_PER_MS = 100;
/** Copying more than this would be seen by people who type. */
const MOST_BYTES_WHILE_SHOWN = 8 * 1024 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;

export class ImageKeeping {
  private readonly keeper: Keeper;
  private readonly replica: Replica;
  private readonly log: () => string | null;
  private readonly clock: Clock;
  /** Of what the kept image is a copy. */
  private kept: string | null;
  private movedMs = 0;
  private notBeforeMs = 0;
  private cancelTimer: (() => void) | null = null;

  /** @param log - the log that the replica follows, once there is one */
  constructor(keeper: Keeper, replica: Replica, log: () => string | null, clock: Clock) {
    this.keeper = keeper;
    this.replica = replica;
    this.log = log;
    this.clock = clock;
    this.kept = this.present;
  }

  /** The confirmed state may be another one. */
  moved(): void {
    if (this.present === this.kept) return;
    this.movedMs = this.clock.monotonicMs();
    if (this.cancelTimer === null) this.wait();
  }

  /** Keep it now: the page may go away. */
  now(): void {
    this.keep(MOST_BYTES);
  }

  stop(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  private get present(): string | null {
    const log = this.log();
    return log === null || this.replica.head === 0 ? null : `${this.replica.head} of ${log}`;
  }

  private get dueMs(): number {
    return Math.max(this.movedMs + QUIET_MS, this.notBeforeMs);
  }

  private wait(): void {
    this.cancelTimer = this.clock.setTimer(Math.max(0, this.dueMs - this.clock.monotonicMs()), () => {
      this.cancelTimer = null;
      if (this.clock.monotonicMs() < this.dueMs) this.wait();
      else this.keep(MOST_BYTES_WHILE_SHOWN);
    });
  }

  private keep(mostBytes: number): void {
    const { present, replica, clock } = this;
    const backend = this.log();
    if (present === null || present === this.kept || backend === null || replica.sizeBytes > mostBytes) return;
    this.stop();
    const bytes = replica.image();
    this.keeper.keepImage({ rules: RULES_HASH, backend, head: replica.head, savedMs: clock.nowMs(), title: titleOf(replica), bytes });
    this.kept = present;
    this.notBeforeMs = clock.monotonicMs() + bytes.length / BYTES_PER_MS;
  }
}

function titleOf(replica: Replica): string {
  const text = replica.read(queries.metadata, {}).find(({ key }) => key === "title")?.value;
  const title: unknown = typeof text === "string" ? JSON.parse(text) : "";
  return typeof title === "string" ? title : "";
}
