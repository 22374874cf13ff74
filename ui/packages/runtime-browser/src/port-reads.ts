// The worker's subscriptions: rows of the notebook's state, posted again whenever they differ.

import { type Query, queries, type SqlValue } from "@runt/schema";
import type { RuntimeStore, Unsubscribe } from "@runt/store";
import type { Fields, PageMessage, SubscribeMessage } from "./messages";
import { allows, type Policy, type QueryName } from "./policy";

interface Ports {
  readonly store: RuntimeStore;
  readonly policy: Policy;
  readonly post: (message: PageMessage) => void;
  readonly onProblem: (problem: string) => void;
}

type Params = Readonly<Record<string, SqlValue>>;

const MOST_SUBSCRIPTIONS = 256;

export class PortReads {
  private readonly ports: Ports;
  private readonly open = new Map<number, Unsubscribe>();

  constructor(ports: Ports) {
    this.ports = ports;
  }

  subscribe(message: SubscribeMessage): void {
    const { policy, post, onProblem, store } = this.ports;
    const { id, query: name, confirmed } = message;
    if (!isQueryName(name) || !allows(policy.queries, name)) {
      onProblem(`it may not read ${name}`);
      return;
    }
    // All queries of the catalogue are read alike here; which rows they give is the worker's to know.
    const query = queries[name] as unknown as Query<Params, Params>;
    const params = bound(query.params, message.params);
    if (params === null || this.open.has(id) || this.open.size >= MOST_SUBSCRIPTIONS) {
      onProblem(params === null ? `the parameters of ${name} do not fit` : "too many subscriptions, or one id twice");
      return;
    }
    const tell = (rows: readonly Params[]): void =>
      post({ t: "rows", id, rows: rows.map((row) => query.columns.map((column) => row[column] ?? null)) });
    this.open.set(id, store.subscribe(query, params, tell, { confirmed }));
  }

  unsubscribe(id: number): void {
    this.open.get(id)?.();
    this.open.delete(id);
  }

  close(): void {
    for (const stop of this.open.values()) stop();
    this.open.clear();
  }
}

function isQueryName(name: string): name is QueryName {
  return Object.hasOwn(queries, name);
}

/** Take exactly the parameters that a query has. */
function bound(names: readonly string[], given: Fields): Params | null {
  const params: Record<string, SqlValue> = {};
  for (const name of names) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof value === "string" || Number.isSafeInteger(value)) params[name] = value as string | number;
    else return null;
  }
  return Object.keys(given).length === names.length ? params : null;
}
