# pprint, json.dumps, textwrap, a table by format.
# runs: host page
# %%
import json
from pprint import pprint

pprint({"name": "emu", "legs": [2] * 30, "inner": {"deep": tuple(range(12))}}, width=60)
print(json.dumps({"b": [1, None], "a": "\u00fc"}, indent=2, sort_keys=True))
for row in [("emu", 2), ("ant", 6)]:
    print("{:<6}|{:>3}".format(*row))
