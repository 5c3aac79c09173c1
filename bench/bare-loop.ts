import PQueue from "p-queue";

/**
 * The requests of a job and nothing else: `tsx bench/bare-loop.ts <base URL> <conversations> <concurrency>`. Every
 * conversation asks, in turn and in parallel, what a three-turn job with three reviewers would ask, with bodies of like size,
 * and no more than `concurrency` calls are in flight.
 */
const [baseUrl = "", conversations = "0", concurrency = "1"] = process.argv.slice(2);
const url = `${baseUrl}/chat/completions`;
const prompt = "A prompt about as long as ours, telling a role what to do and how to reply. ".repeat(40);

const slots = new PQueue({ concurrency: Number(concurrency) });
const call = (name?: string) => slots.add(() => request(name));

async function request(name?: string): Promise<void> {
  const format = name === undefined ? {} : { response_format: { type: "json_schema", json_schema: { name } } };
  const body = JSON.stringify({ model: "bench", messages: [{ role: "user", content: prompt }], ...format });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  await response.json();
}

async function conversation(): Promise<void> {
  for (let turn = 1; turn <= 3; turn++) {
    await call();
    if (turn === 3) return;
    await Promise.all([call("review"), call("review"), call("review")]);
    await call("next_instruction");
  }
}

let left = Number(conversations);
const worker = async () => {
  while (left-- > 0) await conversation();
};
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
