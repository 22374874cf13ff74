"""The events, tables, rules and wire format of a notebook, the same for every replica.

Nothing is exported here: the modules are the surface, and a process that needs one of them (an engine needs `outputs`) loads
no other.
"""
