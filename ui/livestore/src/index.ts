// The public surface of @runt/livestore.

export { type Author, authorOf, type LiveStoreAuthor } from "./envelope";
export { events, schema, tables } from "./livestore.gen";
