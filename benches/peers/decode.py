"""The official SDK decodes a body that a transport of our own gives it, chunk by chunk.

One task per line on stdin, one answer per line on stdout; times are of the process's CPU clock.
"""

import json
import sys
import time
from pathlib import Path

import httpx2
from anthropic import Anthropic, DefaultHttpxClient

BLOCK = 16 * 1024
REQUEST = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Say hello."}],
}


class Chunks(httpx2.SyncByteStream):
    """A body whose chunks are ready at once."""

    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        return iter(self.chunks)


class Transport(httpx2.BaseTransport):
    """Answers every request with the same body."""

    chunks = []

    def handle_request(self, request):
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=Chunks(self.chunks), request=request)


transport = Transport()
client = Anthropic(api_key="none", http_client=DefaultHttpxClient(transport=transport))


def cut(body, how):
    chunks, start = [], 0
    while start < len(body):
        end = body.index(b"\n\n", start) + 2 if how == "events" else start + BLOCK
        chunks.append(body[start:end])
        start = end
    return chunks


def decode():
    events = text = 0
    for event in client.messages.create(**REQUEST, stream=True):
        events += 1
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += len(event.delta.text)
    return {"events": events, "text": text}


def final_message():
    with client.messages.stream(**REQUEST) as stream:
        message = stream.get_final_message()
    return {"events": 1, "text": len(message.content[0].text)}


WORK = {"decode": decode, "final-message": final_message}


def answer(task):
    body = Path(task["file"]).read_bytes()
    transport.chunks = cut(body, task["cut"])
    work, started, repeats, cpu = WORK[task["work"]], time.process_time(), 0, 0.0
    while repeats == 0 or cpu < task["seconds"]:
        found = work()
        repeats += 1
        cpu = time.process_time() - started
    return {"bytes": repeats * len(body), "cpu": cpu, "found": found}


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked is told
        result = {"error": repr(error)}
    print(json.dumps(result), flush=True)
