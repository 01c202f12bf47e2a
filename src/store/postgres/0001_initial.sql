-- The same tables as SQLite's, with the same meaning; see sqlite/0001_initial.sql.
-- Times are unix milliseconds here, too; leases and what is due are compared with the clock of the database,
-- because those of the nodes differ.
CREATE FUNCTION unix_ms() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT (extract(epoch FROM now()) * 1000)::bigint $$;

CREATE TABLE message (
  id bigint PRIMARY KEY, received bigint NOT NULL,
  peer text NOT NULL, protocol text NOT NULL, message_id text NOT NULL,
  octets bigint NOT NULL, digest bytea NOT NULL CHECK (length(digest) = 32),
  envelope bytea NOT NULL
);
CREATE INDEX message_named ON message(message_id) WHERE message_id <> '';

CREATE TABLE body (
  message bigint PRIMARY KEY REFERENCES message(id) ON DELETE CASCADE,
  blob bytea CHECK (length(blob) = 32),
  octets bytea,
  CHECK ((blob IS NULL) <> (octets IS NULL))
);
-- Media does not compress: EXTERNAL saves the attempt.
ALTER TABLE body ALTER COLUMN octets SET STORAGE EXTERNAL;
CREATE INDEX body_blob ON body(blob) WHERE blob IS NOT NULL;

-- Room on the page: a claim changes the row in place.
CREATE TABLE delivery (
  id bigint PRIMARY KEY, message bigint NOT NULL REFERENCES message(id),
  dest text NOT NULL, rcpt text NOT NULL,
  state integer NOT NULL DEFAULT 0, due bigint NOT NULL, expires bigint NOT NULL,
  attempt integer NOT NULL DEFAULT 0, tries integer NOT NULL DEFAULT 0,
  resumed integer NOT NULL DEFAULT 0, uncertain integer NOT NULL DEFAULT 0,
  owner text, lease bigint,
  reply text NOT NULL DEFAULT '', data bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX delivery_ready ON delivery(dest, due) WHERE state IN (0, 2);
CREATE INDEX delivery_lease ON delivery(lease) WHERE state = 1;
CREATE INDEX delivery_expires ON delivery(expires) WHERE state IN (0, 3);
CREATE INDEX delivery_message ON delivery(message);

CREATE TABLE response (
  peer text NOT NULL, token text NOT NULL,
  delivery bigint NOT NULL REFERENCES delivery(id) ON DELETE CASCADE,
  PRIMARY KEY (peer, token)
);
CREATE INDEX response_delivery ON response(delivery);

CREATE TABLE seen (
  peer text NOT NULL, token text NOT NULL, message bigint NOT NULL, until bigint NOT NULL,
  PRIMARY KEY (peer, token)
);
CREATE INDEX seen_until ON seen(until);

CREATE TABLE outcome (
  peer text NOT NULL, remote text NOT NULL, rcpt text NOT NULL,
  message bigint NOT NULL REFERENCES message(id),
  state integer NOT NULL, at bigint NOT NULL, until bigint NOT NULL, data bytea NOT NULL,
  PRIMARY KEY (peer, remote, rcpt)
);
CREATE INDEX outcome_message ON outcome(message);
CREATE INDEX outcome_until ON outcome(until);

CREATE TABLE trace (
  message bigint NOT NULL, id bigint NOT NULL, at bigint NOT NULL, event text NOT NULL,
  PRIMARY KEY (message, id)
);

CREATE TABLE alias (
  pool text NOT NULL, address text NOT NULL, alias text NOT NULL UNIQUE, at bigint NOT NULL,
  PRIMARY KEY (pool, address)
);

-- The nodes: slot is their part of an identity, beat their last sign of life.
CREATE TABLE node (slot integer PRIMARY KEY, name text NOT NULL UNIQUE, beat bigint NOT NULL);
