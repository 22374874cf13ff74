"""Where the server of a person's own machine listens unless told otherwise."""

DEFAULT_PORT = 8585
