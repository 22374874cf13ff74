// Who committed an event: LiveStore's pair of ids, and the pair of a notebook's log. `runtime_server/livestore/identity.py`
// has the other direction too.

/** A committer as LiveStore has it: `clientId` is `<user>` or `<user>/<device>`. */
export interface LiveStoreAuthor {
  readonly clientId: string;
  readonly sessionId: string;
}

/** A committer as the log has it: the authenticated user, and one life of one store. */
export interface Author {
  readonly clientId: string;
  readonly storeSessionId: string;
}

/** Give the log's name of a committer: a device goes before its session, as in `laptop__s1`. */
export function authorOf({ clientId, sessionId }: LiveStoreAuthor): Author {
  const slash = clientId.indexOf("/");
  if (slash < 0) return { clientId, storeSessionId: sessionId };
  return { clientId: clientId.slice(0, slash), storeSessionId: `${clientId.slice(slash + 1)}__${sessionId}` };
}
