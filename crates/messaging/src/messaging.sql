CREATE TABLE IF NOT EXISTS messaging_inbox (
    consumer   text        NOT NULL,
    message_id text        NOT NULL,
    position   text,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX IF NOT EXISTS messaging_inbox_seen_at ON messaging_inbox (seen_at);

CREATE TABLE IF NOT EXISTS messaging_inbox_position (
    consumer  text   NOT NULL,
    partition text   NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (consumer, partition)
);

CREATE TABLE IF NOT EXISTS messaging_attempts (
    consumer  text    NOT NULL,
    partition text    NOT NULL,
    position  bigint  NOT NULL,
    starts    integer NOT NULL,
    PRIMARY KEY (consumer, partition)
);

CREATE TABLE IF NOT EXISTS messaging_outbox (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL,
    subject      text        NOT NULL,
    stream       text,
    key          bytea,
    headers      jsonb       NOT NULL,
    payload      bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX IF NOT EXISTS messaging_outbox_waiting ON messaging_outbox (id) WHERE published_at IS NULL;
