"""Positions of cells: strings that sort by plain code-point order, with room between any two for ever.

A position is an integer and a fraction in base 62 (`0-9A-Za-z`). The integer's first letter tells its length (`a` one
digit, `b` two, …; `Z` one digit below zero, `Y` two, …), so appending and prepending keep keys short; the fraction
never ends in `0`, so there is always a midpoint. Two people who insert at one place at once make equal positions;
ties are broken by cell id.

Source: D. Greenspan, "Implementing fractional indexing" (2021); one key of variable length instead of a number.
"""

from .errors import InvalidPositionError

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FIRST = "a0"
_LOWEST_INTEGER = "A" + "0" * 26


def is_position(text: str) -> bool:
    """Tell whether `text` is a well-formed position."""
    length = _integer_length(text[:1])
    return (
        0 < length <= len(text) <= 4_096
        and all(char in DIGITS for char in text)
        and not (len(text) > length and text.endswith("0"))
        and text != _LOWEST_INTEGER
    )


def positions_between(before: str | None, after: str | None, count: int = 1) -> list[str]:
    """Make `count` ascending positions strictly between two neighbours.

    Args:
        before: Position of the cell in front, or None at the start.
        after: Position of the cell behind, greater than `before`, or None at the end.
        count: How many.

    Raises:
        InvalidPositionError: A malformed position, or `before` is not less than `after`.
    """
    for text in (before, after):
        if text is not None and not is_position(text):
            raise InvalidPositionError(f"{text[:64]!r} is not a position")
    if before is not None and after is not None and before >= after:
        raise InvalidPositionError(f"no position fits between {before!r} and {after!r}")
    return _between(before, after, count)


def _between(before: str | None, after: str | None, count: int) -> list[str]:
    if count <= 0:
        return []
    if after is None:
        made: list[str] = []
        for _ in range(count):
            before = _one_between(before, None)
            made.append(before)
        return made
    if before is None:
        made = []
        for _ in range(count):
            after = _one_between(None, after)
            made.append(after)
        return made[::-1]
    # Halving keeps many keys in one gap short: their length grows with the logarithm of the count.
    left = count // 2
    middle = _one_between(before, after)
    return [*_between(before, middle, left), middle, *_between(middle, after, count - left - 1)]


def _one_between(before: str | None, after: str | None) -> str:
    if before is None:
        if after is None:
            return _FIRST
        integer, fraction = _split(after)
        if integer == _LOWEST_INTEGER:
            return integer + _midpoint("", fraction)
        lower = integer if fraction else _step(integer, -1)
        return lower if lower != _LOWEST_INTEGER else lower + _midpoint("", None)
    integer, fraction = _split(before)
    if after is None:
        return _step(integer, 1) or integer + _midpoint(fraction, None)
    after_integer, after_fraction = _split(after)
    if integer == after_integer:
        return integer + _midpoint(fraction, after_fraction)
    higher = _step(integer, 1)
    return higher if higher and higher < after else integer + _midpoint(fraction, None)


def _integer_length(head: str) -> int:
    if "a" <= head <= "z":
        return ord(head) - ord("a") + 2
    if "A" <= head <= "Z":
        return ord("Z") - ord(head) + 2
    return 0


def _split(position: str) -> tuple[str, str]:
    length = _integer_length(position[0])
    return position[:length], position[length:]


def _step(integer: str, step: int) -> str:
    """Count one up or down; empty at the end of the range."""
    head, digits = integer[0], [DIGITS.index(char) for char in integer[1:]]
    for place in range(len(digits) - 1, -1, -1):
        digits[place] += step
        if 0 <= digits[place] < 62:
            return head + "".join(DIGITS[digit] for digit in digits)
        digits[place] %= 62
    fill = "0" if step > 0 else "z"
    if head == "Z" and step > 0:
        return "a0"
    if head == "a" and step < 0:
        return "Zz"
    if head in ("z", "A") and (head == "z") == (step > 0):
        return ""
    head = chr(ord(head) + step)
    return head + fill * (_integer_length(head) - 1)


def _midpoint(low: str, high: str | None) -> str:
    """Give a fraction strictly between two: `low` may be empty (zero), `high` None (one)."""
    if high is not None:
        shared = 0
        while shared < len(high) and (low[shared] if shared < len(low) else "0") == high[shared]:
            shared += 1
        if shared:
            return high[:shared] + _midpoint(low[shared:], high[shared:])
    low_digit = DIGITS.index(low[0]) if low else 0
    high_digit = DIGITS.index(high[0]) if high else 62
    if high_digit - low_digit > 1:
        return DIGITS[(low_digit + high_digit) // 2]
    if high is not None and len(high) > 1:
        return high[0]
    return DIGITS[low_digit] + _midpoint(low[1:], None)
