"""LiveStore's own wire protocol on the same logs: `@livestore/sync-cf` 0.4 clients read and write what all others do.

`messages` are the frames, `identity` says whose an event is on either side, `numbered` checks a push, `turns` gives a client
that others are always faster than a moment for itself; `client` serves one connection and `endpoint` lets it in.
"""
