-- Claude Code sessions. `cost_usd` is an integer of nano-dollars: sums stay exact.
CREATE TABLE sessions (
    claude_session_id TEXT    NOT NULL PRIMARY KEY,
    workspace_path    TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    last_used_at      INTEGER NOT NULL,
    owner             BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name              TEXT,
    title             TEXT,
    model             TEXT,
    cost_usd          INTEGER NOT NULL DEFAULT 0,
    turns             INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sessions_by_use ON sessions (owner, last_used_at DESC, claude_session_id DESC);
