"""The tables of a SQLite state file, and how a new file is set up.

`events` is ordered by `seq`; writers exclude each other, so that its order is that of commits. Numbers of dead letters
are never used again (AUTOINCREMENT), as somebody may still be about to drop the one that had the number before.
"""

from __future__ import annotations

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE states (
    number INTEGER PRIMARY KEY, journey TEXT NOT NULL, user TEXT NOT NULL, journey_hash TEXT NOT NULL,
    version INTEGER NOT NULL, state BLOB NOT NULL, UNIQUE (journey, user)
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, journey TEXT NOT NULL, user TEXT NOT NULL, id TEXT NOT NULL, journey_hash TEXT NOT NULL,
    event BLOB NOT NULL, decision BLOB, UNIQUE (journey, user, id)
);
CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE leases (
    name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT NOT NULL, renewed REAL NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE letters (number INTEGER PRIMARY KEY AUTOINCREMENT, letter BLOB NOT NULL);
"""

# A lease is free where its time is over, and where it was renewed in the future: the clock was set back.
CLAIM = """
INSERT INTO leases (name, epoch, owner, renewed, until) VALUES (:lease, 1, :owner, :now, :now + :seconds)
ON CONFLICT (name) DO UPDATE SET
    epoch = epoch + (owner <> :owner), owner = :owner, renewed = :now, until = :now + :seconds
WHERE owner = :owner OR until <= :now OR renewed > :now
"""
