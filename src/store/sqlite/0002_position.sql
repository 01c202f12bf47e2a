-- How far each source of messages has been read; written in the transaction of the message.
CREATE TABLE position (
  source TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
