-- Runs and their event logs. `cost_usd` is nano-dollars, as in `sessions`.
CREATE TABLE runs (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner          BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind           TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN
        ('queued', 'running', 'waiting_approval', 'completed', 'failed', 'cancelled', 'interrupted')),
    session_id     TEXT,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    cost_usd       INTEGER,
    error          TEXT,
    last_seq       INTEGER NOT NULL DEFAULT 0,
    readable_by_id INTEGER NOT NULL DEFAULT 0 CHECK (readable_by_id IN (0, 1))
) STRICT;
CREATE INDEX runs_by_owner ON runs (owner, created_at DESC, id DESC);
CREATE INDEX runs_by_owner_state ON runs (owner, state, created_at DESC, id DESC);
CREATE INDEX runs_by_age ON runs (created_at DESC, id DESC);
CREATE INDEX runs_by_state ON runs (state, created_at DESC, id DESC);
CREATE INDEX runs_unfinished ON runs (created_at DESC, id DESC)
    WHERE state IN ('queued', 'running', 'waiting_approval');

CREATE TABLE run_events (
    run_id BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL CHECK (seq > 0),
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT;
