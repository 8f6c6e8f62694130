-- The one branch that a key opens, when it does not open its whole project.
ALTER TABLE key ADD COLUMN branch text;
