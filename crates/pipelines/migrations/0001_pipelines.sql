-- A pipeline as its fold has it, sealed texts still sealed; gone when it is deleted.
CREATE TABLE pipeline (
    tenant text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX pipeline_by_name ON pipeline (tenant, name);

-- How a pipeline was after each change of a status.
CREATE TABLE pipeline_event (
    tenant text NOT NULL,
    pipeline text NOT NULL,
    id text NOT NULL,
    recorded_at bigint NOT NULL,
    -- Counts the changes of one pipeline, so that old ones can go without being counted.
    number bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (tenant, pipeline, id)
);
CREATE INDEX pipeline_event_by_number ON pipeline_event (tenant, pipeline, number);
