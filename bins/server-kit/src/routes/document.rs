//! The OpenAPI document of the routes: it says of each operation who may call it.

use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::schema::{ComponentsBuilder, Schema};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder};

use crate::auth::{Access, Role};
use crate::problem::{ErrorBody, ErrorDetail};

const BEARER: &str = "bearer";
const KEY: &str = "api_key";
const TICKET: &str = "ticket";
const ERROR: &str = "ErrorBody";

/// Which server this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub title: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// A document without operations.
pub(super) fn begin(about: &About, schemas: Vec<(String, RefOr<Schema>)>) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("an access token or an API key"))
        .build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .schema(ERROR, ErrorBody::schema())
        .schema("ErrorDetail", ErrorDetail::schema())
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .security_scheme(KEY, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title(about.title).version(about.version).build())
        .components(Some(components.build()))
        .build()
}

/// Adds the operations of an entry.
pub(super) fn add(document: &mut OpenApi, paths: Paths, access: Access) {
    if access == Access::Ticket {
        let ticket =
            ApiKeyValue::with_description(TICKET, "a ticket that was issued for this; it counts once");
        let scheme = SecurityScheme::ApiKey(ApiKey::Query(ticket));
        document.components.get_or_insert_default().add_security_scheme(TICKET, scheme);
    }
    for (path, mut item) in paths.paths {
        operations(&mut item).for_each(|operation| describe(operation, access));
        match document.paths.paths.get_mut(&path) {
            Some(there) => there.merge_operations(item),
            None => {
                document.paths.paths.insert(path, item);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = item;
    let known = [get, put, post, delete, options, head, patch, trace, query].into_iter().flatten();
    known.chain(item.additional_operations.values_mut())
}

fn describe(operation: &mut Operation, access: Access) {
    let any = |schemes: [&str; 2]| schemes.map(|scheme| SecurityRequirement::new(scheme, [""; 0])).into();
    operation.security = Some(match access {
        Access::Public => Vec::new(),
        Access::Ticket => any([TICKET, BEARER]),
        Access::Needs { .. } => any([BEARER, KEY]),
    });
    let needs = match access {
        Access::Public => None,
        Access::Ticket => Some("a ticket or a token".to_owned()),
        Access::Needs { role: Role::Admin, .. } => Some("the role admin".to_owned()),
        Access::Needs { role, scope } => Some(needs(role, scope)),
    };
    if let Some(needs) = needs {
        let description = operation.description.get_or_insert_default();
        let gap = if description.is_empty() { "" } else { "\n\n" };
        *description = format!("{description}{gap}Needs {needs}.");
    }
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ERROR))).build();
    let error = ResponseBuilder::new().description("an error").content("application/json", content).build();
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(error));
}

fn needs(role: Role, scope: crate::auth::Scope) -> String {
    format!("the role {} or above; a key, the scope {}", role.as_str(), format!("{scope:?}").to_lowercase())
}
