// What lives of this page that ended have left: events to be decided before this life's, and perhaps a runtime that nobody ends.

import { checkArgs, isEventName, type LogEvent, RULE_BOUND } from "@runt/schema";
import type { PushedEvent } from "./frames";
import type { Keeper, Left } from "./keeper";
import { Outbox } from "./outbox";
import type { SyncProtocol } from "./protocol";
import type { Replica } from "./replica";

/** What only that life could mean: starts, and what a runtime said of itself. */
const DISCARDED: ReadonlySet<string> = new Set<string>(RULE_BOUND);

export class EarlierLives {
  private readonly keeper: Keeper | null;
  private readonly protocol: SyncProtocol;
  private readonly replica: Replica;
  private readonly endRuntimes: (ended: ReadonlySet<string>) => void;
  private ended = new Set<string>();

  /** @param endRuntimes - ends the runtime, if one is open, that spoke for itself in one of these store sessions */
  constructor(keeper: Keeper | null, protocol: SyncProtocol, replica: Replica, endRuntimes: (ended: ReadonlySet<string>) => void) {
    this.keeper = keeper;
    this.protocol = protocol;
    this.replica = replica;
    this.endRuntimes = endRuntimes;
  }

  /** Show what they left undecided, and have it pushed under its own sessions. */
  take({ leftovers, ended }: Left): void {
    for (const session of ended) this.ended.add(session);
    for (const { storeSessionId, events } of leftovers) {
      const outbox = new Outbox(storeSessionId);
      for (const event of events)
        if (commit(this.replica, storeSessionId, event)) outbox.add({ ...event, bytes: bytesOf(event), after: 0 });
      this.protocol.restore(outbox);
    }
    this.endRuntimes(this.ended);
  }

  /** Look whether all is known of them. Only with the whole log it is: then they are forgotten. */
  look(): void {
    if (this.ended.size === 0 || !this.protocol.caughtUp || !this.protocol.earlierDecided) return;
    const { ended } = this;
    this.ended = new Set();
    this.endRuntimes(ended);
    this.keeper?.forgetEnded();
  }
}

function commit(replica: Replica, storeSessionId: string, event: PushedEvent): boolean {
  const { name, args } = event;
  if (DISCARDED.has(name)) return false;
  try {
    if (isEventName(name)) checkArgs(name, args as LogEvent[1]);
    replica.commit({ ...event, storeSessionId });
    return true;
  } catch (error) {
    console.warn(`a change of an earlier visit (${name}) is left out: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

function bytesOf({ name, args }: PushedEvent): number {
  return name.length + new TextEncoder().encode(JSON.stringify(args)).length;
}
