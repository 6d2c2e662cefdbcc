"""A relay as one writes it with FastAPI and the official SDK: typed events, texts passed on as they come.

Environment: ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, HOST, PORT (0: any). Says `listening on PORT` once it does.
"""

import json
import os
import socket

import uvicorn
from anthropic import AsyncAnthropic
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

COMPACT = (",", ":")

client = AsyncAnthropic()
app = FastAPI()


class Ask(BaseModel):
    message: str


def frame(event):
    return f"event: {event['type']}\ndata: {json.dumps(event, separators=COMPACT)}\n\n"


async def turn(message):
    async with await client.messages.create(
        model="claude-sonnet-5-5",
        max_tokens=4096,
        messages=[{"role": "user", "content": message}],
        stream=True,
    ) as events:
        async for event in events:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield frame({"type": "text_delta", "text": event.delta.text})
            elif event.type == "message_stop":
                yield frame({"type": "completed"})


@app.post("/api/chat")
async def chat(ask: Ask):
    headers = {"cache-control": "no-cache"}
    return StreamingResponse(turn(ask.message), media_type="text/event-stream", headers=headers)


listener = socket.create_server((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0"))), backlog=512)
print(f"listening on {listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
