// A relay as a careful Node programmer writes it with Express and the official SDK: events typed by the SDK, texts
// passed on as they come, a slow reader holds the stream back, a reader who leaves ends it.
//
// Environment: ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, HOST, PORT (0: any). Says `listening on PORT` once it does.

import { once } from 'node:events';

import Anthropic from '@anthropic-ai/sdk';
import express from 'express';

const client = new Anthropic();
const app = express();
app.disable('x-powered-by');
app.use(express.json());

function frame(event) {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** What the event means to the reader; null if nothing. */
function translated(event) {
  if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
    return { type: 'text_delta', text: event.delta.text };
  }
  if (event.type === 'message_stop') return { type: 'completed' };
  return null;
}

app.post('/api/chat', async (request, response) => {
  response.socket.setNoDelay(true);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const stream = await client.messages.create(
      {
        model: 'claude-sonnet-5-5',
        max_tokens: 4096,
        messages: [{ role: 'user', content: request.body.message }],
        stream: true,
      },
      { signal: gone.signal },
    );
    for await (const event of stream) {
      const meant = translated(event);
      if (meant && !response.write(frame(meant))) await once(response, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (!gone.signal.aborted) response.write(frame({ type: 'failed', message: String(error) }));
  }
  response.end();
});

const server = app.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
