"""A deterministic simulator of the whole product: one seed is one schedule of people, agents, servers and faults.

`schedule` draws what happens, `world` is the time in which it does, the nodes run the product's own code on it.
"""
