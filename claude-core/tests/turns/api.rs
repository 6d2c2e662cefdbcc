//! The Messages API as a backend: the agent loop, with an API on this machine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use claude_core::agent::{AgentLoop, Tool, ToolContext, ToolError, ToolOutput, ToolRegistry, ToolSpec};
use claude_core::approval::channel;
use claude_core::messages::{Client, KeySource};
use claude_core::testing::{LoopbackApi, Plan};
use claude_core::turn::Effect;
use claude_core::{Json, TurnRequest};
use serde_json::json;

use crate::scene::{ASKED, Model, Scene};
use crate::scripted::Counted;

pub(crate) fn api(model: Model) -> Pin<Box<dyn Future<Output = Scene>>> {
    Box::pin(async move {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let prompt = match model {
            Model::Says => "scenario:text n=8".to_owned(),
            Model::Writes => format!("scenario:tool_write path={ASKED} content=hello"),
            Model::Talks => "scenario:slow n=5000 delay=20".to_owned(),
            Model::Refuses | Model::CanNotStart => "scenario:error status=400".to_owned(),
        };
        let key = match model {
            Model::CanNotStart => KeySource::Env("CLAUDE_OPSKIT_NO_SUCH_KEY"),
            _ => KeySource::Fixed("test".to_owned().into()),
        };
        let (approver, questions) = channel();
        let client = Client::builder().key(key).base_url(api.url()).build();
        let agent = AgentLoop::new(client).tools(ToolRegistry::new().with(Write::new()));
        let running = Arc::new(AtomicUsize::new(0));
        let agent = Box::new(agent.approver(Arc::new(approver)));
        Scene {
            backend: Arc::new(Counted { backend: agent, running: running.clone() }),
            request: TurnRequest::new("claude-sonnet-5-5", prompt),
            questions,
            is_over: Box::new(move || running.load(Ordering::SeqCst) == 0),
            _stage: Box::new(api),
        }
    })
}

/// Writes nothing, and returns what it would have written.
struct Write(ToolSpec);

impl Write {
    fn new() -> Self {
        let schema = json!({"type": "object", "properties": {
            "file_path": {"type": "string"}, "content": {"type": "string"},
        }});
        Self(ToolSpec::new("Write", "Writes a file.", Json::from(schema)))
    }
}

#[async_trait]
impl Tool for Write {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn effect(&self) -> Effect {
        Effect::Write
    }

    async fn call(&self, input: Json, _cx: ToolContext) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::text(input.as_str()))
    }
}
