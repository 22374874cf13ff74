"""JSON values cross both languages unchanged: as text through the page's SQLite, and as values through its decoder."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from runtime_schema.json_text import MAX_INTEGER, Json, check_value, decode, encode

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "ui" / "packages" / "store" / "scripts" / "echo-values.mjs"
COUNT = 10_000

# What decoders, encoders and databases are known to stumble over.
AWKWARD = ("\0", "\ufeff", "\u2028", "\u2029", "\u007f", "\u0080", "\uffff", "\U0010ffff", "😀", '"', "\\", "\x1f", "\u00e9", "e\u0301")
KEYS = ("", "__proto__", "constructor", "toString", "1", "01", "a", "é", "\ufeff", "\0")


def random_text(rng: random.Random) -> str:
    """Give a text of any characters but surrogates; awkward ones are frequent, long ones are rare."""
    chars: list[str] = []
    for _ in range(rng.choice((0, 1, 2, 5, 20, 20, 200))):
        if rng.random() < 0.3:
            chars.append(rng.choice(AWKWARD))
        else:
            code = rng.choice((rng.randrange(0x80), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)))
            chars.append(chr(code))
    return "".join(chars)


def random_number(rng: random.Random) -> int | float:
    """Give an integer of the range that both languages share, or a finite float."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice((0, 1, -1, MAX_INTEGER, -MAX_INTEGER, 2**31, -(2**31) - 1, 2**51))
    if kind == 1:
        return rng.randint(-MAX_INTEGER, MAX_INTEGER)
    if kind == 2:
        return rng.choice((0.1, -0.0, 1e-7, 1e21, 1e22, 5e-324, 1.7976931348623157e308, 1.5, 100.0, 2.0**53))
    return rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)


def random_json(rng: random.Random, depth: int = 0) -> Json:
    """Give a JSON value, seldom deep."""
    kind = rng.randrange(8 if depth < 5 else 5)
    if kind == 0:
        return rng.choice((None, True, False))
    if kind <= 2:
        return random_number(rng)
    if kind <= 4:
        return random_text(rng)
    size = rng.randrange(5)
    if kind == 5:
        return [random_json(rng, depth + 1) for _ in range(size)]
    return {rng.choice(KEYS) if rng.random() < 0.5 else random_text(rng): random_json(rng, depth + 1) for _ in range(size)}


def echo(texts: list[str], *flags: str) -> list[str]:
    """Run texts through the page's code; gives the lines it prints."""
    fed = "".join(f"{json.dumps(text)}\n" for text in texts)
    # Lines are split at newlines only: JSON leaves U+2028 and its like unescaped.
    done = subprocess.run(["node", str(SCRIPT), *flags], input=fed.encode(), capture_output=True, check=False, cwd=ROOT / "ui", timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().removesuffix("\n").split("\n")


@pytest.fixture(scope="module")
def values() -> list[Json]:
    rng = random.Random(20_260_901)
    made = [random_json(rng) for _ in range(COUNT)]
    for value in made:
        check_value(value)
    return made


def parse_whole(digits: str) -> int | float:
    """Read a number without a point: JavaScript writes floats so up to 1e21, also where integers are not exact."""
    return int(digits) if abs(int(digits)) <= MAX_INTEGER else float(digits)


@pytest.mark.slow
def test_texts_come_back_character_by_character(values: list[Json]) -> None:
    texts = [value if isinstance(value, str) else encode(value) for value in values]
    assert [json.loads(line) for line in echo(texts)] == texts


@pytest.mark.slow
def test_values_are_understood_alike(values: list[Json]) -> None:
    lines = echo([encode(value) for value in values], "--values")
    assert len(lines) == COUNT
    assert [json.loads(line, parse_int=parse_whole) for line in lines] == values


def test_the_strict_decoder_reads_what_was_encoded(values: list[Json]) -> None:
    assert [decode(encode(value)) for value in values[:500]] == values[:500]
