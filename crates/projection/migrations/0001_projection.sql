-- What every Postgres projection shares: how far it is, which generation is read, what could not be applied.
CREATE TABLE generation (
    projection text PRIMARY KEY,
    active     integer     NOT NULL,
    latest     integer     NOT NULL,
    flipped_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE watermark (
    projection            text        NOT NULL,
    generation            integer     NOT NULL,
    seq                   bigint      NOT NULL,
    hash                  text        NOT NULL,
    stream_created_micros bigint      NOT NULL,
    message_micros        bigint      NOT NULL DEFAULT 0,
    quarantined           text,
    updated_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation)
);

CREATE TABLE parked (
    projection text        NOT NULL,
    generation integer     NOT NULL,
    key        text        NOT NULL,
    seq        bigint      NOT NULL,
    code       text        NOT NULL,
    reason     text        NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation, key, seq)
);

-- Events given up by an audited command; a replay leaves them out too, or it would park their keys again.
CREATE TABLE skipped (
    projection text        NOT NULL,
    seq        bigint      NOT NULL,
    key        text        NOT NULL,
    code       text        NOT NULL,
    reason     text        NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, seq)
);
