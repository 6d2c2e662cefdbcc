// The official Socket.IO clients against a running server: `node driver.mjs <scenario> <options as JSON>`.
//
// Options of every scenario: `url`, `token`, `client` (3 or 4), and `transports`, where not those of the client's own
// choice. What was seen is one JSON object on stdout; what a scenario waits for is told on stderr as `mark …`.

import * as flow from './flow.mjs';
import * as rules from './rules.mjs';
import * as sessions from './sessions.mjs';

const [name, options] = process.argv.slice(2);
const scenario = { ...flow, ...rules, ...sessions }[name];
if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
const seen = await scenario(JSON.parse(options));
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
