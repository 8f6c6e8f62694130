-- What was done about parked events, by the position of the request on the log: asked again, it is not done again. Written in
-- the transaction of the remedy itself.
CREATE TABLE remedy (
    projection text        NOT NULL,
    position   text        NOT NULL,
    applied    bigint      NOT NULL,
    skipped    bigint      NOT NULL,
    remaining  bigint      NOT NULL,
    done_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, position)
);
