-- The tables of PostgresStore. Times are milliseconds since 1970 in UTC; never is
-- 9223372036854775807.

CREATE TABLE auth_sign_ins (
    -- The sign-in's id.
    sid BYTEA NOT NULL PRIMARY KEY,
    -- The first eight bytes of the subject's SHA-256, or NULL for an anonymous sign-in.
    subject_key BIGINT,
    version BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    idle_secs BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- The sign-in cannot have expired before this time. Later, last_seen decides.
    due_at BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    persistence SMALLINT NOT NULL,
    -- Digests.
    family BYTEA NOT NULL,
    verifier BYTEA NOT NULL,
    subject BYTEA,
    grace BYTEA NOT NULL,
    details BYTEA,
    principal BYTEA NOT NULL,
    data BYTEA NOT NULL
-- An update of last_seen changes no index, and free space on the page keeps the row in place.
) WITH (fillfactor = 85);

CREATE INDEX auth_sign_ins_of_subject ON auth_sign_ins (subject_key) WHERE subject_key IS NOT NULL;
CREATE INDEX auth_sign_ins_anonymous ON auth_sign_ins (created_at) WHERE subject_key IS NULL;
CREATE INDEX auth_sign_ins_due ON auth_sign_ins (due_at);

CREATE TABLE auth_migrations (number BIGINT NOT NULL PRIMARY KEY);
INSERT INTO auth_migrations (number) VALUES (1);
