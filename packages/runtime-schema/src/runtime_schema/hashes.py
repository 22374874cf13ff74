"""Fingerprints that two replicas compare: do they keep the same tables, and do they follow the same rules?"""

import hashlib
from collections.abc import Mapping

from .json_text import encode
from .materializers import MATERIALIZERS, Materializer
from .tables import DDL


def hash_schema() -> str:
    """Hash the tables: equal hashes may exchange images of the state. 16 hexadecimal digits."""
    return _digest(list(DDL))


def hash_rules(rules: Mapping[str, Materializer] = MATERIALIZERS) -> str:
    """Hash tables and materializers: equal hashes derive equal states from a log. 16 hexadecimal digits."""
    return _digest([list(DDL), [[name, rule.guard, rule.rare, rule.each, list(rule.statements)] for name, rule in rules.items()]])


def _digest(value: object) -> str:
    return hashlib.sha256(encode(value).encode()).hexdigest()[:16]


SCHEMA_HASH = hash_schema()
RULES_HASH = hash_rules()
