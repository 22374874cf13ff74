"""Where a runtime's settings come from, and what is said when they cannot work."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_browser import SETTINGS, BrowserConfig, BrowserConfigError, read_config
from runtime_schema.json_text import Json

GOOD: dict[str, st.SearchStrategy[str]] = {
    "runtime": st.sampled_from(["python", "html", "echo", "HTML"]),
    "runtime-id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    "lost-after-ms": st.integers(1, 86_400_000).map(str),
    "inline-limit-bytes": st.integers(0, 131_072).map(str),
    "log-level": st.sampled_from(["debug", "info", "warning", "error"]),
    "load-imports": st.sampled_from(["yes", "no", "on", "off", "1", "0", "true", "False"]),
    "cancel-grace-ms": st.integers(1, 86_400_000).map(str),
}
BAD = {
    "runtime": "ruby",
    "runtime-id": "not an id",
    "lost-after-ms": "-1",
    "inline-limit-bytes": "1e3",
    "log-level": "loud",
    "load-imports": "maybe",
    "cancel-grace-ms": "0",
}
settings_told = st.fixed_dictionaries({}, optional=GOOD)


def address(told: dict[str, str]) -> str:
    return "?" + urlencode({setting.parameter: told[setting.name] for setting in SETTINGS if setting.name in told})


def storage(told: dict[str, str]) -> dict[str, str]:
    return {setting.key: told[setting.name] for setting in SETTINGS if setting.name in told}


def problems(search: str = "", stored: dict[str, str] | None = None, defaults: dict[str, Json] | None = None) -> list[str]:
    with pytest.raises(BrowserConfigError) as caught:
        read_config(search, stored or {}, defaults or {})
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def test_nothing_need_be_told() -> None:
    config = read_config("", {}, {})
    assert config == BrowserConfig(
        runtime="python",
        runtime_id=None,
        lost_after_ms=60_000,
        inline_limit_bytes=32_768,
        log_level="warning",
        load_imports=True,
        cancel_grace_s=3600,
        takeover=False,
        replaces=None,
    )


def test_every_setting_has_an_example_that_works() -> None:
    for setting in SETTINGS:
        assert read_config("", {setting.key: setting.example}, {}) is not None


@given(settings_told, settings_told, settings_told)
def test_the_address_wins_over_storage_and_storage_over_the_page(
    first: dict[str, str], second: dict[str, str], third: dict[str, str]
) -> None:
    page: dict[str, Json] = dict(third)
    assert read_config(address(first), storage(second), page) == read_config("", {}, {**third, **second, **first})


@given(settings_told, st.dictionaries(st.sampled_from(sorted(GOOD)), st.none()))
def test_a_null_of_the_page_overrides_nothing(told: dict[str, str], nulls: dict[str, None]) -> None:
    assert read_config("", storage(told), {**nulls}) == read_config("", storage(told), {})


@given(st.sets(st.sampled_from(sorted(BAD)), min_size=1), st.sampled_from(["address", "storage", "page"]))
def test_everything_wrong_is_said_at_once_with_its_place_and_a_hint(names: set[str], place: str) -> None:
    told = {name: BAD[name] for name in names}
    match place:
        case "address":
            said = problems(search=address(told))
        case "storage":
            said = problems(stored=storage(told))
        case _:
            said = problems(defaults=dict(told))
    assert len(said) == len(names)
    assert all(place.removeprefix("the ") in line or "localStorage" in line for line in said)


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=10), st.text(max_size=10)))
def test_whatever_stands_in_the_address_there_is_a_config_or_one_kind_of_error(search: str, stored: dict[str, str]) -> None:
    with suppress(BrowserConfigError):
        read_config(search, stored, {})


def test_a_bad_value_names_its_place_the_value_and_a_way_out() -> None:
    assert problems("?runtime=ruby&x=1") == ["the address's runtime: 'ruby' is not known (choose one of python, html, echo)"]
    assert problems(stored={"runt.runtime.lost-after-ms": "soon"}) == [
        "localStorage runt.runtime.lost-after-ms: 'soon' does not fit (give a whole number from 1 to 86400000)"
    ]
    assert problems(defaults={"runtime-id": "a b"}) == ["the page's runtime-id: 'a b' is not an id (ids match [A-Za-z0-9_-]{1,64})"]


def test_an_unknown_runtime_parameter_is_reported_with_the_nearest_name() -> None:
    assert problems("?runtime-lost-after=5") == ["the address's runtime-lost-after: unknown setting (did you mean runtime-lost-after-ms?)"]
    assert problems("?runtimes=echo&cell=3")[0].endswith("(did you mean runtime?)")


def test_a_setting_told_twice_is_reported() -> None:
    assert problems("?runtime=echo&runtime=html") == ["the address's runtime: is told twice (leave one of them out)"]


def test_other_parameters_and_keys_are_nobody_s_business_here() -> None:
    assert read_config("?cell=3&theme=dark", {"theme": "dark", "runt.other": "x"}, {"title": "Sales"}) == BrowserConfig()


def test_the_page_gives_numbers_and_booleans_too() -> None:
    config = read_config("", {}, {"lost-after-ms": 5000, "load-imports": False, "takeover": True, "replaces": "session-1"})
    assert config == BrowserConfig(lost_after_ms=5000, load_imports=False, takeover=True, replaces=config.replaces)
    assert config.replaces == "session-1"


def test_a_link_cannot_take_over() -> None:
    assert read_config("?takeover=yes&replaces=s1", {"runt.runtime.takeover": "yes"}, {}) == BrowserConfig()


def test_the_readme_lists_every_setting() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert f"| `{setting.parameter}` | `{setting.key}` |" in text
