"""The bookkeeping of a replica, with plain data."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.wire import LogEvent
from runtime_store.reconcile import Acked, Confirmed, Dropped, Entry, Included, Outcome, Refused, Rekeyed, Replica, Tail


def entry(session: str, n: int, text: str = "x", client_id: str = "local") -> Entry:
    return Entry(LogEvent("v1.T", {"a": text}, client_id, session, n), b'{"a":"%s"}' % text.encode())


def fresh_names() -> Iterator[str]:
    return (f"fresh{i}" for i in range(100))


@pytest.fixture
def replica() -> Replica:
    names = fresh_names()
    return Replica("me", "local", lambda: next(names))


def commit(replica: Replica, text: str = "x") -> Entry:
    return replica.commit("v1.T", {"a": text}, b'{"a":"%s"}' % text.encode())


def test_commits_are_numbered_from_one_and_pending_in_order(replica: Replica) -> None:
    made = [commit(replica, text) for text in "abc"]
    assert [item.event.n for item in made] == [1, 2, 3]
    assert list(replica.pending()) == made
    assert list(replica.pending(after=2)) == made[2:]


def test_an_ack_at_or_below_an_image_settles_what_the_image_has(replica: Replica) -> None:
    replica.restore([entry("earlier", 1), entry("earlier", 2), entry("earlier", 3)])
    replica.begin_at(9)
    assert replica.reconcile(Acked("earlier", 1, 3, 8)) == Outcome(
        [Included(8, entry("earlier", 1)), Included(9, entry("earlier", 2)), Confirmed(10, entry("earlier", 3), True)]
    )
    assert (replica.head, replica.pending_count) == (10, 0)


def test_an_ack_confirms_own_events_at_its_place(replica: Replica) -> None:
    first, second, third = (commit(replica, text) for text in "abc")
    assert replica.reconcile(Acked("me", 1, 2, 1)) == Outcome([Confirmed(1, first, True), Confirmed(2, second, True)])
    assert (replica.head, list(replica.pending())) == (2, [third])


def test_others_events_advance_the_head_and_leave_what_is_pending(replica: Replica) -> None:
    mine = commit(replica)
    other = entry("you", 1)
    assert replica.reconcile(Tail(1, [other])) == Outcome([Confirmed(1, other, False)])
    assert (replica.head, list(replica.pending())) == (1, [mine])


def test_an_own_event_in_the_tail_is_recognised_by_its_key(replica: Replica) -> None:
    mine = commit(replica)
    assert replica.reconcile(Tail(1, [entry("you", 1), entry("me", 1)])).steps[1] == Confirmed(2, mine, True)
    assert replica.pending_count == 0


def test_what_is_known_already_changes_nothing(replica: Replica) -> None:
    commit(replica)
    replica.reconcile(Tail(1, [entry("me", 1), entry("you", 1)]))
    assert replica.reconcile(Tail(1, [entry("me", 1), entry("you", 1)])) == Outcome([])
    assert replica.reconcile(Acked("me", 1, 1, 1)) == Outcome([])
    assert replica.reconcile(Refused("me", 1, "invalid", "m")) == Outcome()
    assert replica.head == 2


def test_a_tail_that_overlaps_is_taken_from_the_head_on(replica: Replica) -> None:
    replica.reconcile(Tail(1, [entry("you", 1)]))
    third = entry("you", 2)
    assert replica.reconcile(Tail(1, [entry("you", 1), third])) == Outcome([Confirmed(2, third, False)])


def test_a_hole_in_the_tail_is_a_gap_and_changes_nothing(replica: Replica) -> None:
    assert replica.reconcile(Tail(3, [entry("you", 3)])) == Outcome(gap=True)
    assert replica.head == 0


def test_an_ack_ahead_of_the_stream_waits_for_the_stream(replica: Replica) -> None:
    commit(replica)
    assert replica.reconcile(Acked("me", 1, 1, 5)) == Outcome()
    assert (replica.head, replica.pending_count) == (0, 1)


def test_an_ack_for_an_event_that_is_not_here_is_a_gap(replica: Replica) -> None:
    mine = commit(replica)
    assert replica.reconcile(Acked("me", 1, 2, 1)) == Outcome([Confirmed(1, mine, True)], gap=True)


def test_a_refused_event_is_dropped_and_the_rest_stays(replica: Replica) -> None:
    first, second = commit(replica, "a"), commit(replica, "b")
    assert replica.reconcile(Refused("me", 1, "invalid", "no")) == Outcome([Dropped(first, "invalid", "no")])
    assert list(replica.pending()) == [second]


def test_a_conflict_moves_the_event_and_those_after_it_to_a_new_session(replica: Replica) -> None:
    commit(replica, "a")
    second, third = commit(replica, "b"), commit(replica, "c")
    outcome = replica.reconcile(Refused("me", 2, "conflict", "taken"))
    assert outcome == Outcome([Rekeyed([(second, entry("fresh0", 1, "b")), (third, entry("fresh0", 2, "c"))])])
    assert [item.key for item in replica.pending()] == [("me", 1), ("fresh0", 1), ("fresh0", 2)]
    assert commit(replica).key == ("fresh0", 3)


def test_an_own_number_with_another_body_in_the_tail_is_a_clones_event(replica: Replica) -> None:
    mine = commit(replica, "mine")
    theirs = entry("me", 1, "theirs")
    assert replica.reconcile(Tail(1, [theirs])).steps == [Rekeyed([(mine, entry("fresh0", 1, "mine"))]), Confirmed(1, theirs, False)]


def test_an_event_of_this_session_that_was_not_committed_here_is_a_clones(replica: Replica) -> None:
    commit(replica, "mine")
    assert replica.reconcile(Acked("me", 1, 1, 1)).steps[0] == Confirmed(1, entry("me", 1, "mine"), True)
    assert replica.reconcile(Tail(2, [entry("me", 2, "theirs")])).steps == [Rekeyed([]), Confirmed(2, entry("me", 2, "theirs"), False)]
    assert commit(replica).key == ("fresh0", 1)


def test_leftovers_come_first_and_a_conflict_among_them_leaves_this_life_alone(replica: Replica) -> None:
    replica.restore([entry("old", 7), entry("old", 8)])
    commit(replica)
    replica.reconcile(Refused("old", 8, "conflict", "taken"))
    assert [item.key for item in replica.pending()] == [("old", 7), ("fresh0", 1), ("me", 1)]
    assert replica.session == "me"


def test_another_user_is_taken_over_for_what_is_pending_too(replica: Replica) -> None:
    commit(replica)
    replica.adopt("ada")
    assert [item.event.client_id for item in replica.pending()] == ["ada"]
    assert commit(replica).event.client_id == "ada"


def test_another_log_is_followed_from_its_beginning_with_the_same_pending(replica: Replica) -> None:
    mine = commit(replica)
    replica.reconcile(Tail(1, [entry("you", 1)]))
    replica.reset("b2")
    assert (replica.head, replica.backend, list(replica.pending())) == (0, "b2", [mine])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(1, 5), st.data())
def test_any_cut_of_a_log_into_overlapping_pieces_gives_each_event_once_in_order(
    script: list[tuple[bool, bool]], size: int, data: st.DataObject
) -> None:
    names = fresh_names()
    replica = Replica("me", "local", lambda: next(names))
    log: list[Entry] = []
    for place, (own, _) in enumerate(script):
        log.append(commit(replica, str(place)) if own else entry("you", place + 1, str(place)))
    seen: list[Confirmed] = []
    while replica.head < len(log):
        first = data.draw(st.integers(max(1, replica.head - 3), replica.head + 1))
        piece = log[first - 1 : first - 1 + size + 3]
        if script[replica.head][1] and log[replica.head].event.store_session_id == "me":
            outcome = replica.reconcile(Acked("me", log[replica.head].event.n, 1, replica.head + 1))
        else:
            outcome = replica.reconcile(Tail(first, piece))
        assert not outcome.gap
        seen += [step for step in outcome.steps if isinstance(step, Confirmed)]
    assert [(item.seq, item.entry, item.own) for item in seen] == [
        (place, item, item.event.store_session_id == "me") for place, item in enumerate(log, 1)
    ]
    assert replica.pending_count == 0
