-- Branches that show the main line as it was when they were made. Their tables and aliases are their own; `pinned_buckets` names the
-- buckets that they show. Metadata that a branch began with is `pinned`: the branch does not say it itself.

ALTER TABLE branches ADD COLUMN mode text COLLATE "C" NOT NULL DEFAULT 'live';

CREATE TABLE pinned_buckets (
    tenant  text COLLATE "C" NOT NULL,
    project text COLLATE "C" NOT NULL,
    branch  text COLLATE "C" NOT NULL,
    bucket  text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, project, branch, bucket)
);

ALTER TABLE metadata ADD COLUMN pinned boolean NOT NULL DEFAULT false;
