"""What PostgreSQL and its client report, in words that say what to do."""

from __future__ import annotations

import psycopg

from serving.stores.checks import AGAIN, fenced
from serving.stores.postgres_schema import FENCED, STALE
from serving.stores.store import StaleState, StoreDown, StoreError

BETWEEN_COMMITS = {"40001", "40P01", "23505"}  # serialisation failure, deadlock, unique violation: somebody was first
MENDS = {  # by SQLSTATE or its class, of what may pass or can be mended while the service runs
    "08": "start the server, or check the url and the network",
    "25006": "give the url of the primary: this one is a replica, or was set to be read only",
    "53100": "make room on the server's disk; nothing of this commit was written",
    "53": "give the server more memory or connections",
    "55P03": "wait for whoever holds the lock",
    "57014": "look for what slows the server down, or give a longer timeout",
    "57": "wait until the server is up again",
    "58": "check the server's disk",
}


def failure(name: str, error: psycopg.Error) -> StoreError:
    """One error, as the kind that tells the caller what to do."""
    code, text = error.sqlstate, " ".join(str(error).split())  # its messages have several lines
    if code == FENCED:
        return fenced(error.diag.message_primary or "")
    if code == STALE or code in BETWEEN_COMMITS:
        return StaleState(f"a user was changed since, or an event of this commit is in the log already. {AGAIN}")
    if code is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        if "password" in text or "authentication" in text or "pg_hba" in text:
            return StoreError(f"{name}: {text}. Mend: give a user, password and database that the server knows")
        return StoreDown(f"{name}: no answer: {text}. Mend: {MENDS['08']}")
    mend = MENDS.get(code or "", MENDS.get((code or "")[:2]))
    if mend is not None:
        return StoreDown(f"{name}: {text}. Mend: {mend}")
    if code in {"42501", "3D000", "28000", "28P01"}:
        return StoreError(f"{name}: {text}. Mend: give a user who may use this database and create a schema in it")
    return StoreError(f"{name}: {text}. Mend: check the server's log; restore the schema 'handrail' from a copy")
