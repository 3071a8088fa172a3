"""What every store checks before it asks its server, and says in the same words: why nothing was written."""

from __future__ import annotations

from serving.stores.store import Commit, Fenced, StaleState, StoreError

AGAIN = "Mend: load the users and try again"


def check_commit(commit: Commit) -> None:
    """Raises `StaleState` where an event comes twice, and `StoreError` where a user has entries but no change.

    A user's events are ordered by the version that they made, so there is none without a new state.
    """
    ids = {(entry.user, entry.id) for entry in commit.entries}
    if len(ids) < len(commit.entries):
        raise StaleState(f"an event is twice in this commit. {AGAIN}")
    changed = {change.user for change in commit.changes}
    if len(changed) < len(commit.changes):
        raise StoreError("a user is changed twice in one commit. Mend: commit the last state of each user")
    for user, _ in ids:
        if user not in changed:
            raise StoreError(f"user {user!r} has events in this commit but no new state. Mend: commit both")


def known_event() -> StaleState:
    """An event of a commit is in the log already."""
    return StaleState(f"an event of this commit is in the log already. {AGAIN}")


def moved_user(user: str) -> StaleState:
    """Somebody else changed a user since they were loaded."""
    return StaleState(f"user {user!r} was changed since. {AGAIN}")


def settled() -> StaleState:
    """A message of a commit was acknowledged by somebody else."""
    return StaleState("a message of this commit is not pending any more. Mend: read from the stream again")


def fenced(lease: str) -> Fenced:
    """The epoch of a fence has passed."""
    return Fenced(f"lease {lease!r} has another owner by now. Mend: stop writing for it, and claim it again")


def no_broker(url: str) -> StoreError:
    """An acknowledgement was handed to a store that is not on the broker's server."""
    return StoreError(f"{url}: this store cannot acknowledge messages. Mend: settle them after the commit")
