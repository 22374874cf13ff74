"""A deterministic simulator of the whole product: one seed is one schedule of people, agents, servers and faults.

`plan` draws what happens, `world` is the time in which it does, `loop` lets the product's coroutines run in it, and
`invariants` judges what came of it. Real are: the store with its protocol, replica and SQL states, `connect` with its
leftovers, the agent with its execution and text, the room, its host and the server's side of a connection, frames as bytes.
Simulated are: time, the network (`network`, `client`, `server_node`), engines (`programs`), people and disks.

Disks come in two grades. On the model grade (`model_log`, `journal`) a transaction is whole and durable at one moment, so
it shows what is told to whom when, not what a disk does. On the SQLite grade (`sqlite_grade`) the log's and the journals'
own SQL runs on disks that tear and forget (`crash_disk`); the server's power goes within transactions, a client's between.

Not here: uploads of artifacts, input requests, viewers and other rules, a page's second store session, the web server
itself, engines as processes. They have tests of their own.
"""
