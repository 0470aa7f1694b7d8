-- The tables of SqliteStore. Times are milliseconds since 1970 in UTC; never is
-- 9223372036854775807.

CREATE TABLE auth_sign_ins (
    -- The sign-in's id.
    sid BLOB NOT NULL PRIMARY KEY,
    -- The first eight bytes of the subject's SHA-256, or NULL for an anonymous sign-in.
    subject_key INTEGER,
    version INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    idle_secs INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- The sign-in cannot have expired before this time. Later, last_seen decides.
    due_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    persistence INTEGER NOT NULL,
    -- Digests.
    family BLOB NOT NULL,
    verifier BLOB NOT NULL,
    subject BLOB,
    grace BLOB NOT NULL,
    details BLOB,
    principal BLOB NOT NULL,
    data BLOB NOT NULL
);

CREATE INDEX auth_sign_ins_of_subject ON auth_sign_ins (subject_key) WHERE subject_key IS NOT NULL;
CREATE INDEX auth_sign_ins_anonymous ON auth_sign_ins (created_at) WHERE subject_key IS NULL;
CREATE INDEX auth_sign_ins_due ON auth_sign_ins (due_at);

CREATE TABLE auth_migrations (number INTEGER NOT NULL PRIMARY KEY);
INSERT INTO auth_migrations (number) VALUES (1);
