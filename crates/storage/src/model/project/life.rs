//! Creating, changing and deleting a project.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Catalogue, Project, organization};
use crate::contract::{
    CreateProject, DeleteProject, ProjectCreated, ProjectDeleted, ProjectEvent, ProjectUpdated, UpdateProject,
};
use crate::model::limits::{PROJECT_NAME_CHARS_MAX, SETTINGS_BYTES_MAX};
use crate::model::{names, problem};

impl Decide<Project> for CreateProject {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        names::project_id(&self.project)?;
        if let Some(live) = &state.live {
            return Err(problem::project_exists(&live.id));
        }
        check_name(self.name.as_deref())?;
        let settings = canonical_settings(&self.settings)?;
        let organization = organization::given(self.organization)?;
        let (project, uid, name) = (self.project, at.new_uid(0), self.name);
        Ok(vec![ProjectCreated { project, uid, name, settings, organization }.into()])
    }
}

impl Decide<Project> for UpdateProject {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        check_name(self.name.as_deref())?;
        let name = self.name.or_else(|| live.name.clone());
        let settings = self.settings.as_deref().map_or_else(|| Ok(live.settings.clone()), canonical_settings)?;
        let organization = live.moved(self.organization, at)?;
        if (&name, &settings, &organization) == (&live.name, &live.settings, &live.organization) {
            return Ok(Vec::new());
        }
        Ok(vec![ProjectUpdated { project: self.project, name, settings, organization }.into()])
    }
}

impl Decide<Project> for DeleteProject {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let uid = state.live(&self.project)?.uid.clone();
        Ok(vec![ProjectDeleted { project: self.project, uid }.into()])
    }
}

fn check_name(name: Option<&str>) -> Result<(), Problem> {
    let chars = name.map_or(0, |name| name.chars().count());
    if chars > PROJECT_NAME_CHARS_MAX || name.is_some_and(|name| name.contains('\0')) {
        let detail = format!("A project's name has at most {PROJECT_NAME_CHARS_MAX} characters, none of them NUL.");
        return Err(problem::invalid("invalid_name", detail));
    }
    Ok(())
}

/// Settings are kept as they are meant, not as they are spaced, so that the same settings are no change.
fn canonical_settings(text: &str) -> Result<String, Problem> {
    if text.len() > SETTINGS_BYTES_MAX {
        let detail = format!("Settings take at most {SETTINGS_BYTES_MAX} bytes, these {}.", text.len());
        return Err(problem::invalid_request(detail));
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| problem::invalid_request(format!("Settings must be a JSON object: {error}.")))?;
    Ok(serde_json::Value::Object(object).to_string())
}

impl Evolve<Project> for ProjectCreated {
    fn evolve(self, state: &mut Project) {
        let Self { project: id, uid, name, settings, organization } = self;
        state.live = Some(Catalogue { id, uid, name, settings, organization, ..Catalogue::default() });
    }
}

impl Evolve<Project> for ProjectUpdated {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.name = self.name;
            live.settings = self.settings;
            live.organization = self.organization;
        }
    }
}

impl Evolve<Project> for ProjectDeleted {
    fn evolve(self, state: &mut Project) {
        state.live = None;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::spec::{at, given, nothing, refused};

    pub(crate) fn created() -> ProjectEvent {
        let (uid, settings) = ("p1".into(), "{}".into());
        ProjectCreated { project: "Shop".into(), uid, name: None, settings, organization: None }.into()
    }

    fn create(project: &str, settings: &str) -> CreateProject {
        let name = Some("A shop".into());
        CreateProject { project: project.into(), name, settings: settings.into(), organization: None }
    }

    #[test]
    fn a_project_is_created_once() {
        let event = ProjectCreated {
            project: "Shop".into(),
            uid: at().new_uid(0),
            name: Some("A shop".into()),
            settings: r#"{"a":1}"#.into(),
            organization: None,
        };
        given::<Project>(nothing()).when(create("Shop", r#"{ "a": 1 }"#).into()).then_expect_events(vec![event.into()]);
        for same in ["Shop", "shop"] {
            let result = given::<Project>(vec![created()]).when(create(same, "{}").into()).inspect_result();
            let problem = refused(result, 409, "storage.project_exists");
            assert_eq!(problem.details.unwrap()["status"], "active");
        }
    }

    #[test]
    fn what_a_project_cannot_be_is_said() {
        let when = |command: CreateProject| given::<Project>(nothing()).when(command.into()).inspect_result();
        refused(when(create("a..b", "{}")), 400, "storage.invalid_name");
        refused(when(create("a", "[]")), 400, "storage.invalid_request");
        refused(when(create("a", &format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000)))), 400, "storage.invalid_request");
    }

    #[test]
    fn an_update_changes_what_it_names() {
        let update = |name: Option<&str>, settings: Option<&str>| UpdateProject {
            project: "Shop".into(),
            name: name.map(Into::into),
            settings: settings.map(Into::into),
            organization: None,
        };
        let updated = |name: Option<&str>, settings: &str| {
            let (name, settings) = (name.map(Into::into), settings.into());
            ProjectUpdated { project: "Shop".into(), name, settings, organization: None }.into()
        };
        given::<Project>(vec![created()])
            .when(update(Some("New"), None).into())
            .then_expect_events(vec![updated(Some("New"), "{}")]);
        given::<Project>(vec![created(), updated(Some("New"), "{}")])
            .when(update(None, Some(r#"{"b":2}"#)).into())
            .then_expect_events(vec![updated(Some("New"), r#"{"b":2}"#)]);
        given::<Project>(vec![created()]).when(update(None, Some(" { } ")).into()).then_expect_events(nothing());
        let result = given::<Project>(nothing()).when(update(None, None).into()).inspect_result();
        refused(result, 404, "storage.project_not_found");
    }

    #[test]
    fn a_deleted_id_is_free_again() {
        let deleted = ProjectDeleted { project: "Shop".into(), uid: "p1".into() };
        let delete = || DeleteProject { project: "Shop".into() };
        given::<Project>(vec![created()]).when(delete().into()).then_expect_events(vec![deleted.clone().into()]);
        let gone = || vec![created(), deleted.clone().into()];
        refused(given::<Project>(gone()).when(delete().into()).inspect_result(), 404, "storage.project_not_found");
        let again = given::<Project>(gone()).when(create("sHop", "{}").into()).inspect_result().unwrap();
        assert!(matches!(&again[..], [ProjectEvent::ProjectCreated(e)] if e.project == "sHop" && e.uid != "p1"));
    }

    #[test]
    fn another_spelling_of_the_id_finds_nothing() {
        let result = given::<Project>(vec![created()]).when(DeleteProject { project: "shop".into() }.into());
        refused(result.inspect_result(), 404, "storage.project_not_found");
    }
}
