// Shares a file or folder, and waits until that is done: node client.mjs API.JSON PATH
// API.JSON is api.json in the daemon's state directory. Node 18 or newer.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

async function connect(file) {
  const { url, token } = JSON.parse(await readFile(file, "utf8"));
  await check(url, token);
  const Authorization = `Bearer ${token}`;

  async function call(method, params = {}) {
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization, "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  // What happens from now on, one event at a time (Server-Sent Events).
  async function events(types) {
    const query = `types=${types.join(",")}`;
    const response = await fetch(new URL(`events?${query}`, url), { headers: { Authorization } });
    if (!response.ok) throw new Error(`events: ${response.status} ${await response.text()}`);
    return read(response.body);
  }

  return { call, events };
}

// See that the daemon listens there, and not somebody else since it was killed.
async function check(url, token) {
  const nonce = randomBytes(32).toString("hex");
  const response = await fetch(new URL(`/proof?${nonce}`, url));
  const key = createHash("sha256").update(token).digest("hex");
  const wanted = createHmac("sha256", key).update(`bitween api\n${new URL(url).host}\n${nonce}`).digest("hex");
  const { proofs } = response.ok ? await response.json() : { proofs: [] };
  if (!proofs.includes(wanted)) throw new Error(`what listens at ${url} is not the daemon`);
}

async function* read(body) {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ")) yield JSON.parse(line.slice("data: ".length));
    }
  }
}

async function main(file, path) {
  const api = await connect(file);
  // Listen first, so that nothing is missed.
  const events = await api.events(["job_done", "job_failed"]);
  const { job } = await api.call("bt.add_path", { path });
  for await (const { type, data } of events) {
    if (data?.job !== job) continue; // another's, or a resync, which has no data
    if (type === "job_failed") throw new Error(data.error?.message ?? data.state);
    console.log(data.result.hash);
    break;
  }
}

if (process.argv.length !== 4) {
  console.error("usage: node client.mjs API.JSON PATH");
  process.exit(2);
}
main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
