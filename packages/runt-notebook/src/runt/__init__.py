"""The runt command: composition root of server, agent and store."""
