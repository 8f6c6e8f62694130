-- Dev branches; the main line `default` is every project's and stands nowhere.
CREATE TABLE branches (
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    name        text NOT NULL,
    description text,
    created_at  bigint NOT NULL,
    created_by  text NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE INDEX branches_newest ON branches (tenant, project, created_at DESC, id);
