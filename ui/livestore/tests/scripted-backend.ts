// A sync backend that has a log, and perhaps more of it later, and takes nothing.

import type { SyncBackend, SyncOptions } from "@livestore/common";
import { Effect, Option, Stream, SubscriptionRef } from "@livestore/utils/effect";

type Backend = NonNullable<SyncOptions["backend"]>;
type Item = SyncBackend.PullResItem["batch"][number]["eventEncoded"];

export function scriptedBackend(log: readonly object[], later: Promise<readonly object[]> = new Promise(() => {})): Backend {
  return () =>
    Effect.gen(function* () {
      const isConnected = yield* SubscriptionRef.make(true);
      const chunk = (events: readonly object[]) => ({
        batch: events.map((event) => ({ eventEncoded: event as Item, metadata: Option.none() })),
        pageInfo: { _tag: "NoMore" as const },
      });
      const more = Stream.map(Stream.fromEffect(Effect.promise(() => later)), chunk);
      return {
        isConnected,
        connect: Effect.void,
        ping: Effect.void,
        pull: () => Stream.concat(Stream.concat(Stream.make(chunk(log)), more), Stream.never),
        push: () => Effect.never,
        metadata: { name: "scripted", description: "a log" },
        supports: { pullPageInfoKnown: true, pullLive: true },
      };
    });
}
