// A sync backend that has a log and takes nothing.

import type { SyncBackend, SyncOptions } from "@livestore/common";
import { Effect, Option, Stream, SubscriptionRef } from "@livestore/utils/effect";

type Backend = NonNullable<SyncOptions["backend"]>;
type Item = SyncBackend.PullResItem["batch"][number]["eventEncoded"];

export function scriptedBackend(log: readonly object[]): Backend {
  return () =>
    Effect.gen(function* () {
      const isConnected = yield* SubscriptionRef.make(true);
      const batch = log.map((event) => ({ eventEncoded: event as Item, metadata: Option.none() }));
      return {
        isConnected,
        connect: Effect.void,
        ping: Effect.void,
        pull: () => Stream.concat(Stream.make({ batch, pageInfo: { _tag: "NoMore" as const } }), Stream.never),
        push: () => Effect.never,
        metadata: { name: "scripted", description: "a log" },
        supports: { pullPageInfoKnown: true, pullLive: true },
      };
    });
}
