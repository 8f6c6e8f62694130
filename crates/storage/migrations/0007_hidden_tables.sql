-- Tables that dev branches have taken from the main line, and names of it that they do not show.

ALTER TABLE tables ADD COLUMN copy_of text COLLATE "C";

CREATE TABLE hidden_tables (
    tenant    text COLLATE "C" NOT NULL,
    project   text COLLATE "C" NOT NULL,
    branch    text COLLATE "C" NOT NULL,
    bucket    text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    hidden_at bigint NOT NULL,
    PRIMARY KEY (tenant, project, branch, bucket, name)
);
