-- Users and what proves who they are. Times are microseconds since 1970 in UTC, ids are UUIDv7.
CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL,
    name_folded   TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('admin', 'user', 'viewer')),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_age ON users (created_at DESC, id DESC);

CREATE TABLE api_keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner        BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_keys_by_owner ON api_keys (owner, created_at DESC, id DESC);

CREATE TABLE revoked_tokens (
    jti        TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

CREATE TABLE refresh_families (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner        BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    current_hash BLOB    NOT NULL UNIQUE CHECK (length(current_hash) = 32),
    created_at   INTEGER NOT NULL,
    rotated_at   INTEGER,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX refresh_families_by_owner ON refresh_families (owner);
CREATE INDEX refresh_families_by_expiry ON refresh_families (expires_at);

-- Hashes that were rotated away: who shows one again holds a stolen token, or was stolen from.
CREATE TABLE refresh_used (
    hash   BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    family BLOB NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_used_by_family ON refresh_used (family);
