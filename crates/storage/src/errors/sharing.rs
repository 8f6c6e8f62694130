//! Buckets of other projects.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.already_shared",
        409,
        "The bucket is shared with that project",
        "Nothing is to be done: the project can link it.",
    ),
    ErrorInfo::new(
        "storage.bucket_not_shared",
        403,
        "The bucket is not shared with the project",
        "Ask its owner to share it, or check the names; who has no share is not told which buckets there are.",
    ),
    ErrorInfo::new(
        "storage.share_revoked",
        403,
        "The bucket is not shared with the project any more",
        "Ask its owner to share it again; then the link shows it again. Tables of the linked bucket's own stay readable.",
    ),
    ErrorInfo::new(
        "storage.source_not_found",
        404,
        "What the link shows is not there any more",
        "The source was deleted; a new bucket of its name is another one. Unlink the bucket.",
    ),
    ErrorInfo::new(
        "storage.link_not_found",
        404,
        "There is no such link",
        "List the project's buckets; an ordinary bucket is deleted, not unlinked. `GET .../links` says which projects link a bucket.",
    ),
    ErrorInfo::new(
        "storage.sharing_by_user",
        400,
        "A bucket is not shared with users",
        "Share it with the projects that these users work in: `selected-projects`.",
    ),
    ErrorInfo::new(
        "storage.no_organization",
        400,
        "The project belongs to no organisation",
        "The admin puts it into one with `PUT /projects/{project_id}`; or share the bucket with `selected-projects`.",
    ),
    ErrorInfo::new(
        "storage.sharing_in_use",
        409,
        "Projects that would be left out link the bucket",
        "Nothing changed. Cut the links of the projects it names with `DELETE .../links/{target_project_id}`, or name them too.",
    ),
    ErrorInfo::new(
        "storage.organization_by_admin",
        403,
        "Organisations are the admin's",
        "Ask the admin: who is in an organisation may link what its projects share with it.",
    ),
    ErrorInfo::new(
        "storage.organization_in_use",
        409,
        "Buckets are shared within the organisation",
        "Share the buckets it names with `selected-projects`, and unlink those of other projects, before the project leaves.",
    ),
    ErrorInfo::new(
        "storage.bucket_already_linked",
        409,
        "A linked bucket of that name exists",
        "Choose another name, or unlink the bucket first.",
    ),
    ErrorInfo::new(
        "storage.bucket_linked",
        409,
        "Other projects link the bucket",
        "Ask them to unlink it, or delete it with `force`: then their links show nothing any more.",
    ),
    ErrorInfo::new(
        "storage.bucket_is_linked",
        409,
        "The bucket is a link",
        "Remove it with `DELETE .../buckets/{bucket_name}/link`.",
    ),
    ErrorInfo::new(
        "storage.bucket_readonly",
        403,
        "The table is another project's",
        "Change it there, or copy it: a linked bucket takes tables of its own under other names.",
    ),
    ErrorInfo::new(
        "storage.source_elsewhere",
        409,
        "A query cannot reach this linked table now",
        "Its project's tables are kept by another node. Query one project's tables at a time, or read the table by itself.",
    ),
];
