// Real LiveStore clients in Node, for tests: told what to do by lines of JSON on standard input, one answer a line.

import { createInterface } from "node:readline";
import { makeAdapter } from "@livestore/adapter-node";
import {
  createStorePromise,
  Events,
  makeSchema,
  makeShutdownDeferred,
  Schema,
  type ShutdownDeferred,
  State,
  StoreInternalsSymbol,
} from "@livestore/livestore";
import { makeHttpSync, makeWsSync } from "@livestore/sync-cf/client";
import { Deferred, Effect } from "@livestore/utils/effect";
import WebSocket from "ws";
import { syncPayload } from "../src";
import { events, materializers, tables } from "../src/livestore.gen";

interface Settings {
  readonly url: string;
  readonly storeId: string;
  readonly token: string;
  readonly clientId: string;
  readonly sessionId: string;
  readonly transport: "ws" | "http";
  /** Where the store is kept; in memory without it. */
  readonly folder?: string;
  /** Takes args as they come, as an application without our schema would. */
  readonly lenient?: boolean;
}

type Command =
  | { readonly do: "open"; readonly settings: Settings }
  | { readonly do: "commit"; readonly events: readonly (readonly [name: string, args: unknown])[] }
  | { readonly do: "rows"; readonly sql: string }
  | { readonly do: "await"; readonly sql: string; readonly value: unknown }
  | { readonly do: "pushed" }
  | { readonly do: "state" }
  | { readonly do: "ended" }
  | { readonly do: "close" };

const POLL_MS = 5;

// Node 20 has no WebSocket of its own, and LiveStore has no place for a header: both are told here.
const authorizations = new Map<string, string>();
class AuthorizedWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    const authorization = authorizations.get(new URL(url).searchParams.get("storeId") ?? "") ?? "";
    super(url, protocols, { headers: { authorization } });
  }
}
Object.assign(globalThis, { WebSocket: AuthorizedWebSocket });

// An event and a table that nobody else knows.
const sticker = Events.synced({ name: "x1.StickerPlaced", schema: Schema.Struct({ stickerId: Schema.String }) });
const stickers = State.SQLite.table({ name: "stickers", columns: { id: State.SQLite.text({ primaryKey: true }) } });
const anything = Object.fromEntries(
  Object.entries(events).map(([key, { name }]) => [key, Events.synced({ name, schema: Schema.Any })]),
) as unknown as typeof events;

function schemaOf(lenient: boolean) {
  return makeSchema({
    events: { ...(lenient ? anything : events), sticker },
    state: State.SQLite.makeState({
      tables: { ...tables, stickers },
      materializers: { ...materializers, [sticker.name]: ({ stickerId }: { stickerId: string }) => stickers.insert({ id: stickerId }) },
    }),
    unknownEventHandling: { strategy: "ignore" },
  });
}

type Maker = (args: unknown) => { readonly name: string; readonly args: unknown };

type OpenStore = Awaited<ReturnType<typeof open>>;

class Peer {
  readonly #store: OpenStore;
  readonly #makers: ReadonlyMap<string, Maker>;

  /** Settles when LiveStore itself has shut the store down. */
  readonly ended: Promise<unknown>;

  constructor(store: OpenStore, shutdown: ShutdownDeferred) {
    this.#store = store;
    this.ended = Effect.runPromise(Effect.exit(Deferred.await(shutdown)));
    this.#makers = store.schema.eventsDefsMap as unknown as ReadonlyMap<string, Maker>;
  }

  rows(sql: string): readonly Record<string, unknown>[] {
    return this.#store.query<Record<string, unknown>[]>({ query: sql, bindValues: {} });
  }

  commit(name: string, args: unknown): void {
    const maker = this.#makers.get(name);
    if (maker === undefined) throw new Error(`${name} has no definition`);
    this.#store.commit(maker(args) as Parameters<OpenStore["commit"]>[0]);
  }

  async state(): Promise<{ pending: number; upstream: number; local: number }> {
    const { leaderThread } = this.#store[StoreInternalsSymbol].clientSession;
    const { pending, upstreamHead, localHead } = await Effect.runPromise(leaderThread.syncState.get);
    return { pending: pending.length, upstream: upstreamHead.global, local: localHead.global };
  }

  async isPushed(): Promise<boolean> {
    if (!this.#store.syncStatus().isSynced) return false;
    const { pending, local, upstream } = await this.state();
    return pending === 0 && local === upstream;
  }

  close(): Promise<void> {
    return this.#store.shutdownPromise();
  }
}

function open({ url, storeId, token, clientId, sessionId, transport, folder, lenient }: Settings, shutdownDeferred: ShutdownDeferred) {
  const authorization = `Bearer ${token}`;
  authorizations.set(storeId, authorization);
  const address = `${url}/livestore`;
  return createStorePromise({
    schema: schemaOf(lenient === true),
    storeId,
    adapter: makeAdapter({
      storage: folder === undefined ? { type: "in-memory" } : { type: "fs", baseDirectory: folder },
      clientId,
      sessionId,
      sync: {
        backend:
          transport === "ws"
            ? makeWsSync({ url: address.replace("http", "ws") })
            : makeHttpSync({ url: address, headers: { authorization }, livePull: { pollInterval: 50 } }),
        onSyncError: "shutdown",
      },
    }),
    syncPayload,
    shutdownDeferred,
  });
}

async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fits())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

const peers = new Map<number, Peer>();

async function obey(place: number, command: Command): Promise<unknown> {
  if (command.do === "open") {
    const shutdown = await Effect.runPromise(makeShutdownDeferred);
    peers.set(place, new Peer(await open(command.settings, shutdown), shutdown));
    return null;
  }
  const peer = peers.get(place);
  if (peer === undefined) throw new Error("it is not open");
  switch (command.do) {
    case "commit":
      for (const [name, args] of command.events) peer.commit(name, args);
      return null;
    case "rows":
      return peer.rows(command.sql);
    case "await":
      await until(() => Object.values(peer.rows(command.sql)[0] ?? {})[0] === command.value);
      return null;
    case "pushed": {
      const began = performance.now();
      await until(() => peer.isPushed());
      return performance.now() - began;
    }
    case "state":
      return peer.state();
    case "ended":
      await peer.ended;
      return null;
    case "close":
      await peer.close();
      return null;
  }
}

const say = (answer: object): boolean => process.stdout.write(`${JSON.stringify(answer)}\n`);
process.on("uncaughtException", (error) => console.error(error));
say({ answer: 0, value: null });
for await (const line of createInterface({ input: process.stdin })) {
  const { answer, peer, command } = JSON.parse(line) as { answer: number; peer: number; command: Command };
  void obey(peer, command).then(
    (value) => say({ answer, value }),
    (error: unknown) => say({ answer, problem: error instanceof Error ? error.message : String(error) }),
  );
}
process.exit(0);
