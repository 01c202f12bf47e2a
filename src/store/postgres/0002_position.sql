-- How far each source of messages has been read; written in the transaction of the message.
CREATE TABLE position (source text NOT NULL PRIMARY KEY, at bigint NOT NULL, data bytea NOT NULL);
