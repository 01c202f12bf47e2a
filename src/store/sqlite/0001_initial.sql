-- Identities are allotted by the gateway and sort by time (ids.rs). Times are unix milliseconds.
-- delivery.state: 0 waiting, 1 claimed, 2 awaiting the peer's response, 3 held.
CREATE TABLE message (
  id INTEGER PRIMARY KEY, received INTEGER NOT NULL,
  peer TEXT NOT NULL, protocol TEXT NOT NULL, message_id TEXT NOT NULL,
  octets INTEGER NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
  envelope BLOB NOT NULL
) STRICT;
CREATE INDEX message_named ON message(message_id) WHERE message_id <> '';

-- Apart from the message, because content goes long before the envelope that reports are matched with.
CREATE TABLE body (
  message INTEGER PRIMARY KEY REFERENCES message(id) ON DELETE CASCADE,
  blob BLOB CHECK (length(blob) = 32),       -- digest of the blob, when not inline
  octets BLOB,
  CHECK ((blob IS NULL) <> (octets IS NULL))
) STRICT;
CREATE INDEX body_blob ON body(blob) WHERE blob IS NOT NULL;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES message(id),
  dest TEXT NOT NULL, rcpt TEXT NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, expires INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,        -- fence: grows with every claim
  tries INTEGER NOT NULL DEFAULT 0,          -- claims that were attempts to deliver
  resumed INTEGER NOT NULL DEFAULT 0,        -- state it was last claimed from
  uncertain INTEGER NOT NULL DEFAULT 0,      -- attempts whose end is unknown because a process died
  owner TEXT, lease INTEGER,
  reply TEXT NOT NULL DEFAULT '', data BLOB NOT NULL
) STRICT;
CREATE INDEX delivery_ready ON delivery(dest, due) WHERE state IN (0, 2);
CREATE INDEX delivery_lease ON delivery(lease) WHERE state = 1;
CREATE INDEX delivery_expires ON delivery(expires) WHERE state IN (0, 3);
CREATE INDEX delivery_message ON delivery(message);

-- What a response will quote.
CREATE TABLE response (
  peer TEXT NOT NULL, token TEXT NOT NULL,
  delivery INTEGER NOT NULL REFERENCES delivery(id) ON DELETE CASCADE,
  PRIMARY KEY (peer, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX response_delivery ON response(delivery);

CREATE TABLE seen (
  peer TEXT NOT NULL, token TEXT NOT NULL, message INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (peer, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_until ON seen(until);

CREATE TABLE outcome (
  peer TEXT NOT NULL, remote TEXT NOT NULL, rcpt TEXT NOT NULL,
  message INTEGER NOT NULL REFERENCES message(id),
  state INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (peer, remote, rcpt)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_message ON outcome(message);
CREATE INDEX outcome_until ON outcome(until);

-- No reference: events of refused messages are kept, too.
CREATE TABLE trace (
  message INTEGER NOT NULL, id INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (message, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias (
  pool TEXT NOT NULL, address TEXT NOT NULL, alias TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
  PRIMARY KEY (pool, address)
) STRICT, WITHOUT ROWID;
