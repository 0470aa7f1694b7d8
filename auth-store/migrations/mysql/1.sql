-- The tables of MySqlStore. Times are milliseconds since 1970 in UTC; never is
-- 9223372036854775807. Every statement commits by itself, so each is repeatable.

CREATE TABLE IF NOT EXISTS auth_sign_ins (
    -- The sign-in's id.
    sid BINARY(16) NOT NULL PRIMARY KEY,
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
    family BINARY(16) NOT NULL,
    verifier BINARY(32) NOT NULL,
    subject MEDIUMBLOB,
    grace VARBINARY(255) NOT NULL,
    details MEDIUMBLOB,
    principal MEDIUMBLOB NOT NULL,
    data MEDIUMBLOB NOT NULL,
    INDEX auth_sign_ins_of_subject (subject_key, created_at),
    INDEX auth_sign_ins_due (due_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- Operations on all sign-ins of a subject lock one of these rows, chosen by the subject's key.
CREATE TABLE IF NOT EXISTS auth_locks (number BIGINT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT IGNORE INTO auth_locks (number)
WITH RECURSIVE numbers AS (
    SELECT 0 AS number UNION ALL SELECT number + 1 FROM numbers WHERE number < 999
)
SELECT number FROM numbers;

CREATE TABLE IF NOT EXISTS auth_migrations (number BIGINT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT IGNORE INTO auth_migrations (number) VALUES (1);
