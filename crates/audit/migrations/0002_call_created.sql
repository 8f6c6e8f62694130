-- What is counted over a time is found by time.
CREATE INDEX call_created ON call (tenant, project, created);
