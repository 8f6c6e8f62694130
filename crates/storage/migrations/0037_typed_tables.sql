-- Tables that are being made with the rows of a file: they are among `tables` once these are in, or go when they are refused.

CREATE TABLE awaited_tables (
    uid         text COLLATE "C" PRIMARY KEY,
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    branch      text COLLATE "C" NOT NULL,
    bucket      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    copy_of     text,
    columns     text NOT NULL,
    primary_key text NOT NULL,
    created_at  bigint NOT NULL,
    changed_seq bigint NOT NULL
);
-- Whether a file's content is a manifest that names the files whose rows it stands for.
ALTER TABLE files ADD COLUMN is_sliced boolean NOT NULL DEFAULT false;
