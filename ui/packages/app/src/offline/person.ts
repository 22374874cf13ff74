// Who this page is for: whom the server names, or, while it does not answer, who was here last.
import type { Person } from "@runt/store";
import { createContext, useContext } from "react";
import { isOutOfReach, whoAmI } from "../api";
import { openKeeping } from "./keeping";

export const PersonContext = createContext<Person | null>(null);

export function usePerson(): Person {
  const person = useContext(PersonContext);
  if (person === null) throw new Error("usePerson: nobody is signed in above this component");
  return person;
}

/** Find out who this page is for; null when nobody is signed in. Fails when the server does not answer and nobody was here before. */
export async function findPerson(): Promise<Person | null> {
  try {
    const me = await whoAmI();
    if (me !== null) void remember(me);
    return me;
  } catch (error) {
    const last = isOutOfReach(error) ? await (await openKeeping())?.lastPerson() : null;
    if (last == null) throw error;
    return last;
  }
}

async function remember(me: Person): Promise<void> {
  await (await openKeeping())?.rememberPerson(me).catch(() => {});
}
