// The check of args in a LiveStore schema: what the server refuses never enters a store. The server decides again, and a
// push that it refuses is tried for ever, so the place to fail is the commit.

import { Schema } from "@livestore/livestore";
import { checkArgs, type EventName, InvalidEventError } from "@runt/schema";

/** Add to a schema of args everything that its shape does not say. */
export function fits<A, I>(name: EventName, shape: Schema.Schema<A, I>): Schema.Schema<A, I> {
  return shape.pipe(Schema.filter((args) => problemOf(name, args) ?? true));
}

function problemOf(name: EventName, args: unknown): string | null {
  try {
    checkArgs(name, args);
    return null;
  } catch (error) {
    if (error instanceof InvalidEventError) return error.message;
    throw error;
  }
}
