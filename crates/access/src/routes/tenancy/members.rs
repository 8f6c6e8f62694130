//! The members of the caller's tenant: for its admins.

use alluvium_http::{BodyBytes, Json, PathParams, Principal};
use alluvium_kernel::{Position, Problem};
use alluvium_messaging::{SealedBy, SealedField};
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::wire::{AddMemberRequest, AddMemberResponse, SetMemberRoleRequest, TenantMember, parse};
use super::{Answer, TenancyRoutes, changed, uncached};
use crate::contract::{AddMember, Command, MemberAdded, MembershipCommand, RemoveMember, SetMemberRole};
use crate::error;
use crate::login::user_id;
use crate::model::{BY_OTHERS, TEXT_CHARS_MAX};
use crate::tenancy::Member;

async fn tell(
    state: &TenancyRoutes,
    by: &Principal,
    command: impl Into<MembershipCommand>,
) -> Result<(Value, Position), Problem> {
    state.tell(by, &by.tenant, Command::Membership(command.into())).await
}

pub(super) async fn list(State(state): State<TenancyRoutes>, principal: Principal) -> Answer {
    let mut members: Vec<MemberAdded> = Vec::new();
    let mut roles = Vec::new();
    for Member { added, role } in state.known(|known| known.members(&principal.tenant))? {
        members.push(added);
        roles.push(role);
    }
    state.logins.desk().open(&principal.tenant, members.iter_mut().flat_map(sealed).collect()).await?;
    let shown = members.into_iter().zip(roles).map(|(member, role)| TenantMember {
        email: member.email,
        subject: member.subject,
        provider: member.issuer,
        user_id: member.user,
        role: role.as_str(),
        display_name: None,
        email_verified: member.email_verified,
        origin: member.origin,
    });
    let mut shown: Vec<TenantMember> = shown.collect();
    shown.sort();
    Ok(uncached(Json(shown)))
}

fn sealed(member: &mut MemberAdded) -> Vec<SealedField<'_>> {
    let texts = [("membership.subject", Some(&mut member.subject)), ("membership.email", member.email.as_mut())];
    let field = |(place, text): (&'static str, Option<_>)| {
        Some(SealedField { place, by: SealedBy::Tenant, project: String::new(), text: text? })
    };
    texts.into_iter().filter_map(field).collect()
}

pub(super) async fn add(
    State(state): State<TenancyRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let AddMemberRequest { subject, email, role } = parse(&body)?;
    for (name, text) in [("subject", Some(&subject)), ("email", email.as_ref())] {
        let fits = |text: &String| (1..=TEXT_CHARS_MAX).contains(&text.trim().chars().count());
        if text.is_some_and(|text| !fits(text)) {
            return Err(error::invalid_param(&format!("`{name}` takes 1 to {TEXT_CHARS_MAX} characters.")).into());
        }
    }
    // Members log in with the one provider that is configured.
    let issuer = state.logins.settings().issuer.clone();
    let user = user_id(&issuer, &subject);
    let (origin, email_verified) = (BY_OTHERS.to_owned(), false);
    let add = AddMember { user: user.clone(), issuer, subject, email, email_verified, role, origin };
    let (_, position) = tell(&state, &principal, add).await?;
    Ok(changed(position, Json(AddMemberResponse { user_id: user })))
}

pub(super) async fn set_role(
    State(state): State<TenancyRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let SetMemberRoleRequest { role } = parse(&body)?;
    let (_, position) = tell(&state, &principal, SetMemberRole { user: params.owned("user_id"), role }).await?;
    Ok(changed(position, StatusCode::OK))
}

pub(super) async fn remove(State(state): State<TenancyRoutes>, principal: Principal, params: PathParams) -> Answer {
    let (_, position) = tell(&state, &principal, RemoveMember { user: params.owned("user_id") }).await?;
    Ok(changed(position, StatusCode::OK))
}
