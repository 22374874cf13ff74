# Classes with a __repr__ of their own, of several lines, in a list, and a dataclass.
# runs: host page
# %%
from dataclasses import dataclass, field


class Matrix:
    def __repr__(self):
        return "Matrix:\n  1 0\n  0 1"


@dataclass
class Point:
    x: int
    tags: list = field(default_factory=list)


Matrix()
# %%
[Matrix(), Point(1, ["a"])]
