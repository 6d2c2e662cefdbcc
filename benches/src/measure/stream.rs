//! The measurements of streaming: decoding without a server, and turns relayed by one.

pub(super) mod allocations;
pub(super) mod cancellation;
pub(super) mod decode;
pub(super) mod fan_out;
pub(super) mod final_message;
pub(super) mod full_speed;
pub(super) mod memory;
pub(super) mod ndjson;
pub(super) mod pass_through;
mod rates;
pub(super) mod relay;
