//! Finding buckets, tables and columns by name or by what is said of them.

use alluvium_kernel::{BucketReach, Problem};

use super::aliases::shown_aliases;
use super::paged::paged;
use super::{Listed, Page, Queries, unavailable};

/// What of a project a branch shows, each thing with whether its name contains what is looked for, and whether something that is
/// said of it is what is looked for. Takes tenant, project, branch, buckets within reach, kinds of things, the pattern, key and value
/// as `$1` to `$8`.
macro_rules! found {
    ($what:literal, $rest:literal) => {
        concat!(
            r#"WITH shown AS (
      SELECT t.bucket, t.name, t.columns, CASE WHEN o.branch = 'default' OR o.uid IS NULL THEN t.uid
        ELSE coalesce(o.copy_of, o.uid) END AS object
      FROM {schema}.named_tables AS t LEFT JOIN {schema}.tables AS o ON o.uid = t.uid
      WHERE t.tenant = $1 AND t.project = $2 AND ($4::text[] IS NULL OR t.bucket = ANY ($4))
        AND (t.branch = $3 OR (t.branch = 'default' AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')
          AND (t.bucket, lower(t.name)) NOT IN (
          SELECT o.bucket, lower(o.name) FROM {schema}.tables AS o
          WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
          UNION ALL
          SELECT h.bucket, lower(h.name) FROM {schema}.hidden_tables AS h
          WHERE h.tenant = $1 AND h.project = $2 AND h.branch = $3
          UNION ALL
          SELECT l.bucket, lower(l.name) FROM {schema}.aliases AS l
          WHERE l.tenant = $1 AND l.project = $2 AND l.branch = $3)))
      UNION ALL
      SELECT a.bucket, a.name, CASE WHEN a.columns IS NULL THEN s.columns ELSE (
          SELECT coalesce(json_agg(c.spec), '[]')::text FROM json_array_elements(s.columns::json) AS c (spec)
          WHERE c.spec ->> 'name' IN (SELECT json_array_elements_text(a.columns::json))) END, a.uid
      "#, shown_aliases!(), r#" AND ($4::text[] IS NULL OR a.bucket = ANY ($4))),
    things AS (
      SELECT 'bucket' AS kind, b.name AS bucket, NULL::text AS table_name, NULL::text AS column_name, b.name AS name,
        'bucket' AS said_of, b.uid AS object, '' AS column_key
      FROM {schema}.buckets AS b WHERE b.tenant = $1 AND b.project = $2 AND ($4::text[] IS NULL OR b.name = ANY ($4))
        AND (NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')
        OR EXISTS (SELECT 1 FROM {schema}.pinned_buckets AS s
          WHERE s.tenant = $1 AND s.project = $2 AND s.branch = $3 AND s.bucket = b.name))
      UNION ALL
      SELECT 'table', s.bucket, s.name, NULL, s.name, 'table', s.object, '' FROM shown AS s
      UNION ALL
      SELECT 'column', s.bucket, s.name, c.spec ->> 'name', c.spec ->> 'name', 'table', s.object,
        lower((c.spec ->> 'name') COLLATE "C")
      FROM shown AS s, json_array_elements(s.columns::json) AS c (spec)),
    found AS (
      SELECT kind, bucket, table_name, column_name, coalesce(name COLLATE "default" ILIKE $6, false) AS by_name,
        ($7::text IS NOT NULL OR $8::text IS NOT NULL) AND EXISTS (
          SELECT 1 FROM {schema}.metadata AS m
          WHERE m.tenant = $1 AND m.kind = things.said_of AND m.object = things.object
            AND m.column_name = things.column_key AND m.value IS NOT NULL
            AND (m.branch = $3 OR (m.branch = 'default' AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')))
            AND ($7::text IS NULL OR m.key = $7) AND ($8::text IS NULL OR m.value = $8)
            AND (m.branch = $3 OR NOT EXISTS (
              SELECT 1 FROM {schema}.metadata AS o
              WHERE o.tenant = m.tenant AND o.kind = m.kind AND o.object = m.object AND o.column_name = m.column_name
                AND o.id = m.id AND o.branch = $3))) AS by_metadata
      FROM things WHERE kind = ANY ($5::text[]))
    SELECT "#,
            $what,
            " FROM found WHERE by_name OR by_metadata ",
            $rest
        )
    };
}

const FOUND: &str = found!(
    "kind, bucket, table_name, column_name, by_name, by_metadata",
    r#"ORDER BY bucket COLLATE "C", table_name COLLATE "C" NULLS FIRST, column_name COLLATE "C" NULLS FIRST LIMIT $9 OFFSET $10"#
);
const COUNT_FOUND: &str = found!("count(*)", "");

/// What is looked for; one of these is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchFilter {
    /// Part of a name, in any case.
    pub name: Option<String>,
    /// The key of an entry of metadata.
    pub key: Option<String>,
    /// Its value; with a key, that of the same entry.
    pub value: Option<String>,
    /// `bucket`, `table` or `column`.
    pub kinds: Vec<String>,
}

/// A bucket, table or column that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct SearchView {
    pub kind: String,
    pub bucket: String,
    pub table_name: Option<String>,
    pub column_name: Option<String>,
    pub by_name: bool,
    pub by_metadata: bool,
}

/// In the order of the statement: kind, bucket, table, column, by name, by metadata.
type FoundRow = (String, String, Option<String>, Option<String>, bool, bool);

fn search_view((kind, bucket, table_name, column_name, by_name, by_metadata): FoundRow) -> SearchView {
    SearchView { kind, bucket, table_name, column_name, by_name, by_metadata }
}

/// A pattern that finds the text itself anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

impl Queries {
    /// Buckets, tables and columns within reach that are looked for, as a branch shows them, by their names.
    pub async fn search(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        reach: &BucketReach,
        filter: &SearchFilter,
        page: Page,
    ) -> Result<Listed<SearchView>, Problem> {
        let (names, pattern) = (reach.names(), filter.name.as_deref().map(pattern));
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<FoundRow>, i64) = paged!(
            self,
            page,
            (FOUND, COUNT_FOUND),
            (tenant, project, branch, &names, &filter.kinds, &pattern, &filter.key, &filter.value)
        );
        Ok(Listed { items: rows.into_iter().map(search_view).collect(), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_mean_more_mean_themselves() {
        assert_eq!(pattern(r"a%b_c\"), r"%a\%b\_c\\%");
        assert_eq!(pattern(""), "%%");
    }
}
