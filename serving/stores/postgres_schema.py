"""The tables and functions of a store in PostgreSQL, in the schema `handrail`.

Names are kept as bytes (UTF-8): text columns take no NUL, and their order is the server's. `convert_from("user",
'UTF8')` reads them.

An event's place in the log is (era, xid, seq): `xid` is the transaction that wrote it, and the log is read up to the
oldest transaction still running only. So nothing is ever added before what was read, which a sequence alone cannot
give: numbers are drawn before their transactions become visible. A user's events are in the order of their commits, as
a transaction that changes the user has its number only after the one before is visible. A database that was dumped and
restored elsewhere begins with lower transaction numbers: a new era.
"""

from __future__ import annotations

SCHEMA_VERSION = 1
LOCK = 7_310_580_249_114_337  # of the advisory lock under which the schema is made: a number of our own
STALE, FENCED = "HR001", "HR002"  # SQLSTATEs that `commit` raises: of a class that PostgreSQL does not use

SCHEMA = f"""
CREATE SCHEMA handrail;
CREATE TABLE handrail.meta (version int NOT NULL, era int NOT NULL);
INSERT INTO handrail.meta VALUES ({SCHEMA_VERSION}, 1);
CREATE TABLE handrail.states (
    journey text NOT NULL, "user" bytea NOT NULL, journey_hash text NOT NULL, version bigint NOT NULL,
    state bytea NOT NULL, PRIMARY KEY (journey, "user")
) WITH (fillfactor = 70);  -- room for the next state on the same page: no index is touched then
CREATE TABLE handrail.events (
    era int NOT NULL, xid xid8 NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY,
    journey text NOT NULL, "user" bytea NOT NULL, id bytea NOT NULL, journey_hash text NOT NULL,
    event bytea NOT NULL, decision bytea, PRIMARY KEY (era, xid, seq), UNIQUE (journey, "user", id)
);
CREATE TABLE handrail.notes (name text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE handrail.leases (
    name text PRIMARY KEY, epoch bigint NOT NULL, owner text NOT NULL,
    renewed timestamptz NOT NULL, until timestamptz NOT NULL
);
CREATE TABLE handrail.letters (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, letter bytea NOT NULL);

CREATE FUNCTION handrail.check_fences(names text[], epochs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE lost text;
BEGIN
    -- The lock makes a new owner wait for this commit, or this commit see the new owner.
    PERFORM 1 FROM handrail.leases WHERE name = ANY (names) ORDER BY name FOR SHARE;
    SELECT f.name INTO lost FROM unnest(names, epochs) AS f (name, epoch)
        LEFT JOIN handrail.leases AS l ON l.name = f.name AND l.epoch = f.epoch WHERE l.name IS NULL LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION '%', lost USING ERRCODE = '{FENCED}'; END IF;
END $$;

CREATE FUNCTION handrail.keep(names text[], "values" bytea[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO handrail.notes SELECT * FROM unnest(names, "values")
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
$$;

-- One commit, all or nothing. Users of `known` and `new` are sorted, so that two commits do not wait for each other.
CREATE FUNCTION handrail.commit(
    the_journey text, the_hash text, fences text[], epochs bigint[],
    known bytea[], versions bigint[], known_states bytea[], new bytea[], new_states bytea[],
    users bytea[], ids bytea[], events bytea[], decisions bytea[],
    notes text[], "values" bytea[], letters bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE changed bigint; the_era int;
BEGIN
    IF cardinality(fences) > 0 THEN PERFORM handrail.check_fences(fences, epochs); END IF;
    IF cardinality(known) > 0 THEN
        UPDATE handrail.states AS s SET journey_hash = the_hash, version = c.version + 1, state = c.state
            FROM unnest(known, versions, known_states) AS c ("user", version, state)
            WHERE s.journey = the_journey AND s."user" = c."user" AND s.version = c.version;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed < cardinality(known) THEN RAISE EXCEPTION 'moved' USING ERRCODE = '{STALE}'; END IF;
    END IF;
    IF cardinality(new) > 0 THEN
        INSERT INTO handrail.states SELECT the_journey, c."user", the_hash, 1, c.state
            FROM unnest(new, new_states) AS c ("user", state) ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed < cardinality(new) THEN RAISE EXCEPTION 'moved' USING ERRCODE = '{STALE}'; END IF;
    END IF;
    IF cardinality(users) > 0 THEN
        SELECT era INTO STRICT the_era FROM handrail.meta;
        INSERT INTO handrail.events (era, xid, journey, "user", id, journey_hash, event, decision)
            SELECT the_era, pg_current_xact_id(), the_journey, e."user", e.id, the_hash, e.event, e.decision
            FROM unnest(users, ids, events, decisions) WITH ORDINALITY AS e ("user", id, event, decision, place)
            ORDER BY e.place ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed < cardinality(users) THEN RAISE EXCEPTION 'known' USING ERRCODE = '{STALE}'; END IF;
    END IF;
    IF cardinality(notes) > 0 THEN PERFORM handrail.keep(notes, "values"); END IF;
    IF cardinality(letters) > 0 THEN
        INSERT INTO handrail.letters (letter) SELECT l.letter
            FROM unnest(letters) WITH ORDINALITY AS l (letter, place) ORDER BY l.place;
    END IF;
END $$;
"""

# What a restored dump needs: its newest transactions must not be ahead of this server's.
NEW_ERA = """
UPDATE handrail.meta SET era = era + 1 WHERE EXISTS (
    SELECT FROM handrail.events AS e WHERE e.era = meta.era AND e.xid >= pg_snapshot_xmax(pg_current_snapshot())
)
"""

CLAIM = """
INSERT INTO handrail.leases AS l (name, epoch, owner, renewed, until)
VALUES (%(lease)s, 1, %(owner)s, clock_timestamp(), clock_timestamp() + %(length)s)
ON CONFLICT (name) DO UPDATE SET
    epoch = l.epoch + (l.owner <> excluded.owner)::int, owner = excluded.owner,
    renewed = excluded.renewed, until = excluded.until
WHERE l.owner = excluded.owner OR l.until <= clock_timestamp() OR l.renewed > clock_timestamp()
RETURNING epoch
"""

RELEASE = """
UPDATE handrail.leases SET epoch = epoch + 1, owner = '', until = renewed WHERE name = %s AND epoch = %s
"""

READ_LOG = """
SELECT era, xid::text, seq, journey, journey_hash, "user", id, event, decision FROM handrail.events AS e
WHERE (e.era, e.xid, e.seq) > (%s, %s::text::xid8, %s)
    AND (e.era < (SELECT era FROM handrail.meta) OR e.xid < pg_snapshot_xmin(pg_current_snapshot()))
ORDER BY e.era, e.xid, e.seq LIMIT %s
"""

COMMIT = """
SELECT handrail.commit(
    %s, %s, %b::text[], %b::bigint[], %b::bytea[], %b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[],
    %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[], %b::text[], %b::bytea[], %b::bytea[]
)
"""
