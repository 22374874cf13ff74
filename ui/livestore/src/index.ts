// The public surface of @runt/livestore.

import { RULES_HASH } from "@runt/schema";

export { type Author, authorOf, type LiveStoreAuthor } from "./envelope";
export { type HomeOptions, LiveStoreGuest, LiveStoreHome, NoAuthorityError, type NotebookLiveStore } from "./home";
export { events, schema, tables } from "./livestore.gen";

/** What a store tells our server as its `syncPayload`: by which rules it derives, without which it may start no runtime. */
export const syncPayload = { rules: RULES_HASH };
