import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

/** An OpenAI-compatible endpoint that takes a fixed time: `tsx bench/slow-endpoint.ts <latency ms>`. Prints its base URL. */
const latencyMs = Number(process.argv[2] ?? 50);
let served = 0;

const scores = { usefulness: 7, relevance: 8, accuracy: 7, depth: 5, creativity: 5 };
const filler = "Each step follows from the one before it, and each can be checked by itself. ".repeat(12);

/** What a role would say, by the shape that the request asks for; new text every time. */
function contentFor(body: { response_format?: { json_schema?: { name?: string } } }, number: number): string {
  const name = body.response_format?.json_schema?.name;
  if (name === "review")
    return JSON.stringify({ critique: `Point ${number} is asserted without a reason. ${filler.slice(0, 400)}`, scores, verdict: "negative" });
  if (name === "next_instruction") return JSON.stringify({ instruction: `Why does point ${number} hold?` });
  return `Answer ${number}. ${filler}`;
}

const server = createServer((request, response) => {
  void (async () => {
    const body: { model?: string; response_format?: { json_schema?: { name?: string } } } = JSON.parse(await text(request));
    const number = ++served;
    await delay(latencyMs);
    const message = { role: "assistant", content: contentFor(body, number) };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        id: `call-${number}`,
        object: "chat.completion",
        created: 0,
        model: body.model ?? "bench",
        choices: [{ index: 0, message, finish_reason: "stop" }],
        usage: { prompt_tokens: 700, completion_tokens: 200, total_tokens: 900 },
      }),
    );
  })();
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  console.log(`http://127.0.0.1:${address.port}/v1`);
});
