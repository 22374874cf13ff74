// What the page's parts share: events, rows, queries, rules and wire constants, and the checks that belong to them.

export { checkArgs, isEventName } from "./check-args";
export { InvalidEventError, InvalidJsonError, InvalidPositionError } from "./errors";
export { isId, uuid7 } from "./ids";
export { decodeJsonText, type Json } from "./json-text";
export { isJsonMime, isMimeType, isSha256, isTextMime } from "./media";
export { isPosition, positionsBetween } from "./position";
export * from "./schema.gen";
export { type Bindings, bindArgs, isStale, type SqlValue } from "./state";
