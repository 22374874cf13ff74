"""The events, tables, rules and wire format of a notebook, the same for every replica."""
