//! Which models there are.

use serde::Deserialize;

use super::call::{Call, JSON};
use super::client::{Client, read};
use crate::error::Result;
use crate::object::Object;
use crate::text::Text;

/// Which part of the list of models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelsFrom {
    /// The model before the first one of the page; `None` begins with the newest.
    pub after: Option<Text>,
    /// The most models of a page, up to 1000; `None` leaves it to the API.
    pub limit: Option<u16>,
}

/// A page of the list of models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ModelPage {
    /// Newest first.
    pub data: Vec<Model>,
    /// Whether there are more behind.
    #[serde(default)]
    pub has_more: bool,
}

/// A model on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Model {
    /// As requests name it.
    pub id: Text,
    /// As people name it; the id where the API tells none.
    pub display_name: Text,
    /// All members as they came.
    pub members: Object,
}

impl Client {
    /// A page of the models on offer; [`ModelPage::next`] is the next one.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn models(&self, from: &ModelsFrom) -> Result<ModelPage> {
        let mut query = Vec::new();
        query.extend(from.after.as_ref().map(|id| ("after_id", id.to_string())));
        query.extend(from.limit.map(|limit| ("limit", limit.to_string())));
        let call = Call {
            path: "/v1/models",
            query,
            body: None,
            accept: JSON,
            betas: &[],
            first_byte: self.settings().limits.first_byte,
        };
        let (body, request_id) = self.json(&call).await?;
        read(&body, request_id)
    }
}

impl ModelsFrom {
    /// At the newest model.
    #[must_use]
    pub fn newest() -> Self {
        Self::default()
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, models: u16) -> Self {
        self.limit = Some(models);
        self
    }
}

impl ModelPage {
    /// Where the next page begins; `None` where this one is the last.
    #[must_use]
    pub fn next(&self) -> Option<ModelsFrom> {
        let last = self.data.last().filter(|_| self.has_more)?;
        let limit = u16::try_from(self.data.len()).ok();
        Some(ModelsFrom { after: Some(last.id.clone()), limit })
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Object::deserialize(deserializer)?;
        let id: Text = members.read("id").ok_or_else(|| serde::de::Error::missing_field("id"))?;
        let display_name = members.read("display_name").unwrap_or_else(|| id.clone());
        Ok(Self { id, display_name, members })
    }
}
