//! What an installation bears, each with its reason.

/// Tables of one project: dropping it is one atomic batch of at most 1,000 messages, one of them the catalogue's.
pub const TABLES_PER_PROJECT_MAX: usize = 900;
/// Aliases of one project, on all branches: they stand in its catalogue, which is held in memory.
pub const ALIASES_PER_PROJECT_MAX: usize = 900;
/// The filter of one alias, in bytes of its columns and values.
pub const ALIAS_FILTER_BYTES_MAX: usize = 16 * 1024;
/// Buckets of one project: the catalogue is one aggregate, held in memory and sent whole when it is dropped.
pub const BUCKETS_PER_PROJECT_MAX: usize = 1_000;
/// Projects whose buckets one project links: each of them is told, in one batch with the tables, when it is deleted.
pub const LINKED_PROJECTS_MAX: usize = 90;
/// Projects that one bucket is shared with: they are held in the catalogue.
pub const SHARES_PER_BUCKET_MAX: usize = 1_000;
/// Buckets of other projects that show one bucket: they are held in the catalogue.
pub const LINKS_PER_BUCKET_MAX: usize = 1_000;
/// Dev branches of one project: they stand in its catalogue, which is held in memory.
pub const BRANCHES_PER_PROJECT_MAX: usize = 1_000;
/// Snapshots of one project: they are held in its catalogue.
pub const SNAPSHOTS_PER_PROJECT_MAX: usize = 10_000;
/// How long a snapshot that somebody took is kept, in days.
pub const SNAPSHOT_MANUAL_DAYS: i64 = 90;
/// How long one is kept that was taken by itself, in days.
pub const SNAPSHOT_AUTO_DAYS: i64 = 7;
/// How long what was dropped can be had back where nothing else is configured, in days.
pub const UNDROP_DAYS: u64 = 7;
/// The longest that settings may keep either, in days.
pub const SNAPSHOT_DAYS_MAX: i64 = 3_650;
/// Snapshots over their time that are let go of in one commit, which has to hold them.
pub const SNAPSHOTS_EXPIRED_AT_ONCE_MAX: usize = 1_000;
/// A project's settings, in bytes of JSON.
pub const SETTINGS_BYTES_MAX: usize = 64 * 1024;
/// A project's name for people, in characters.
pub const PROJECT_NAME_CHARS_MAX: usize = 255;
/// A bucket's description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4 * 1024;
/// Loads and deletes of one table that wait for its fold; more wait on the command stream.
pub const OPEN_REQUESTS_PER_TABLE_MAX: usize = 1_000;
/// How many settled requests a table remembers, so that a verdict said twice is known.
pub const SETTLED_RING_MAX: usize = 256;
/// Files that are loaded as one: all are named by the command, and by the event.
pub const LOAD_FILES_MAX: usize = 1_000;
/// What they have together, in bytes: as much as one file may have.
pub const LOAD_BYTES_MAX: i64 = FILE_BYTES_MAX;
/// The text that names the files of a load, in bytes.
pub const MANIFEST_BYTES_MAX: i64 = 1024 * 1024;
/// Lines of a file that a load may leave out before its header.
pub const IGNORED_LINES_MAX: i64 = 1_000_000;
/// A file, in bytes: 10 GiB.
pub const FILE_BYTES_MAX: i64 = 10 * 1024 * 1024 * 1024;
/// A file's name, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Tags of one file.
pub const FILE_TAGS_MAX: usize = 100;
/// A tag's key or value, in bytes.
pub const FILE_TAG_BYTES_MAX: usize = 1_024;
/// A file's media type, in bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// How long an upload may stay open, in seconds: 24 h.
pub const UPLOAD_SESSION_SECONDS_MAX: i64 = 24 * 60 * 60;
/// How far an upload's end may lie beyond that, for clocks that differ, in seconds.
pub const UPLOAD_CLOCK_SLACK_SECONDS: i64 = 300;
/// Files of one project.
pub const FILES_PER_PROJECT_MAX: i64 = 10_000;
/// All files of one project, in bytes: 1 TiB.
pub const FILE_BYTES_PER_PROJECT_MAX: i64 = 1024 * 1024 * 1024 * 1024;
/// How long a file stays that is not permanent, in seconds: 15 days.
pub const FILE_LIFETIME_SECONDS: i64 = 15 * 24 * 60 * 60;
/// The id of a client's run, in bytes.
pub const RUN_ID_BYTES_MAX: usize = 255;
/// An object's key, in bytes.
pub const OBJECT_KEY_BYTES_MAX: usize = 1_024;
/// How long a workspace may stay that does not stay for ever, in seconds: 168 h.
pub const WORKSPACE_SECONDS_MAX: i64 = 168 * 60 * 60;
/// What the objects of a workspace may take at most, in bytes: 100 GB.
pub const WORKSPACE_BYTES_MAX: i64 = 100 * GIGABYTE;
/// What a workspace's size limit is counted in, in bytes.
pub const GIGABYTE: i64 = 1_000_000_000;
/// The user name of a workspace, or the verifier of its password, in bytes.
pub const WORKSPACE_TEXT_BYTES_MAX: usize = 255;
/// Credentials of a workspace besides those that it was made with.
pub const CREDENTIALS_PER_WORKSPACE_MAX: usize = 20;
/// Parts of one object that is uploaded in parts.
pub const MULTIPART_PARTS_MAX: i32 = 10_000;
/// Every part but the last, in bytes, at least: 5 MiB.
pub const MULTIPART_PART_BYTES_MIN: i64 = 5 * 1024 * 1024;
/// How long an upload in parts may stay open, in seconds: 7 days.
pub const MULTIPART_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;
/// Entries of metadata of one object, or of one column, on one branch: their ids are held in an aggregate.
pub const METADATA_PER_OBJECT_MAX: usize = 200;
/// Entries of metadata of a table with all its columns, on one branch.
pub const METADATA_PER_TABLE_MAX: usize = 10_000;
/// Entries of metadata that one call says.
pub const METADATA_PER_CALL_MAX: usize = 1_000;
/// What a call says of metadata, in bytes: it is one message on the log.
pub const METADATA_CALL_BYTES_MAX: usize = 256 * 1024;
/// A key of metadata, in bytes.
pub const METADATA_KEY_BYTES_MAX: usize = 255;
/// Who says it, in bytes.
pub const METADATA_PROVIDER_BYTES_MAX: usize = 255;
/// What is said under one key, in bytes.
pub const METADATA_VALUE_BYTES_MAX: usize = 64 * 1024;
/// Body of a request that is answered later, in bytes: it is on the log.
pub const JOB_BODY_BYTES_MAX: usize = 256 * 1024;
/// Path and query of such a request, in bytes.
pub const JOB_TARGET_BYTES_MAX: usize = 8 * 1024;
/// What is kept of its answer, in bytes.
pub const JOB_ANSWER_BYTES_MAX: usize = 256 * 1024;
