// What a worker may do on the notebook, as data. User code shares the worker with the agent and can post anything, so what
// stands here is what user code may do too.

import type { EventName, queries, TerminationReason } from "@runt/schema";

export type QueryName = keyof typeof queries;

/** `runtime` is for workers that run people's code; `trusted` for checks that play a whole store through the port. */
export type PolicyName = "runtime" | "trusted";

/** `null` means all there are. */
export interface Policy {
  readonly events: ReadonlySet<EventName> | null;
  readonly queries: ReadonlySet<QueryName> | null;
  /** Reasons that it may give for its session's end. */
  readonly terminations: ReadonlySet<TerminationReason> | null;
  /** Topics that it may ask to hear. */
  readonly hears: ReadonlySet<string> | null;
  /** Of these, topics that the page answers itself; asking for them is no fault, and registers nothing. */
  readonly pageHears: ReadonlySet<string>;
  /** Topics of live messages that it may send. */
  readonly sends: ReadonlySet<string> | null;
  /** Whether events, text and inputs must be of the session that this worker began. */
  readonly ownSessionOnly: boolean;
}

/** Events that show something in a cell; each closes the stream that text goes to. */
export const OUTPUT_EVENTS: ReadonlySet<EventName> = new Set<EventName>([
  "v1.StreamAppended",
  "v1.MarkdownAppended",
  "v1.DisplayAdded",
  "v1.DisplayUpdated",
  "v1.ResultAdded",
  "v1.ErrorAdded",
  "v1.OutputsCleared",
]);

/** What pages ask an engine, and what widgets say. */
const QUESTIONS = ["complete", "inspect", "variables", "resources", "comms", "comm"].map((name) => `runtime.${name}`);

export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  runtime: {
    events: new Set<EventName>([
      "v1.RuntimeSessionStarted",
      "v1.RuntimeSessionStatusSet",
      "v1.RuntimeSessionTerminated",
      "v1.ExecutionStarted",
      "v1.ExecutionFinished",
      "v1.InputRequested",
      "v1.InputReplied",
      ...OUTPUT_EVENTS,
    ]),
    queries: new Set<QueryName>(["activeSession", "session", "sessionWork", "inputRequest"]),
    // `evicted` is an editor's word, which the page's user may be; `lost` is the authority's.
    terminations: new Set<TerminationReason>(["shutdown", "crashed", "restart"]),
    hears: new Set(["runtime.restart", "runtime.stop", "input.reply", ...QUESTIONS]),
    pageHears: new Set(["runtime.restart", "runtime.stop"]),
    sends: new Set(["runtime.comm"]),
    ownSessionOnly: true,
  },
  trusted: {
    events: null,
    queries: null,
    terminations: null,
    hears: null,
    pageHears: new Set(),
    sends: null,
    ownSessionOnly: false,
  },
};

/** Tell whether a set of a policy holds this; `null` holds everything. */
export function allows(set: ReadonlySet<string> | null, name: string): boolean {
  return set === null || set.has(name);
}
