import { AIMessage, type AIMessageChunk, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { OfflineChatModel } from "../../../../src/models/offline/model.js";
import { anyText } from "../../../support/offline-conversation.js";

const model = new OfflineChatModel();
const question = "How do I prune apple trees in a cold winter?";

async function collect(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk[]> {
  const chunks: AIMessageChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe("OfflineChatModel", () => {
  it("gives the same reply to the same request, from any instance and with any options", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (system, text) => {
        const messages = [new SystemMessage(system), new HumanMessage(text)];
        const first = await new OfflineChatModel().invoke(messages);
        const second = await new OfflineChatModel().invoke(messages, { tags: ["later"], metadata: { run: 2 } });
        expect(second.text).toBe(first.text);
        expect(second.usage_metadata).toEqual(first.usage_metadata);
      }),
    );
  });

  it("says who answered, why it stopped, and what it estimates to have used", async () => {
    const reply = await model.invoke([new SystemMessage("Été"), new HumanMessage("What is rain?")]);
    const output = Math.ceil(Buffer.byteLength(reply.text) / 4);
    expect(reply.response_metadata).toMatchObject({ model_name: "offline", finish_reason: "stop" });
    // "Été" has 5 bytes, the question 13: 2 and 4 tokens, and 4 for each of the two messages.
    expect(reply.usage_metadata).toEqual({ input_tokens: 14, output_tokens: output, total_tokens: 14 + output });
    expect(await model.getNumTokens("What is rain?")).toBe(4);
  });

  it("streams the same reply in pieces, with the usage on the last", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const whole = await model.invoke([new HumanMessage(text)]);
        const chunks = await collect(await model.stream([new HumanMessage(text)]));
        expect(chunks.length).toBeGreaterThan(1);
        expect(chunks.map((chunk) => chunk.text).join("")).toBe(whole.text);
        expect(chunks.slice(0, -1).every((chunk) => chunk.usage_metadata === undefined)).toBe(true);
        expect(chunks.at(-1)?.usage_metadata).toEqual(whole.usage_metadata);
        expect(chunks.at(-1)?.response_metadata).toMatchObject({ model_name: "offline", finish_reason: "stop" });
      }),
      { numRuns: 30 },
    );
  });

  it("tells callbacks of start, tokens and end", async () => {
    const told: string[] = [];
    let streamed = "";
    const callbacks = [
      {
        handleChatModelStart: () => void told.push("start"),
        handleLLMNewToken: (token: string) => {
          streamed += token;
        },
        handleLLMEnd: () => void told.push("end"),
      },
    ];
    const chunks = await collect(await model.stream(question, { callbacks }));
    expect(streamed).toBe(chunks.map((chunk) => chunk.text).join(""));
    expect(told).toEqual(["start", "end"]);
  });

  it("stops for an abort signal, before it begins and between two pieces", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of await model.stream(question, { signal: controller.signal })) {
        seen.push(chunk.text);
        controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow();
    expect(seen).toHaveLength(1);
    await expect(model.invoke(question, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("ends before a stop sequence", async () => {
    const whole = (await model.invoke(question)).text;
    const word = whole.split(" ")[3] ?? "";
    expect((await model.invoke(question, { stop: [word, ""] })).text).toBe(whole.slice(0, whole.indexOf(word)));
  });

  it("answers messages with content blocks like plain ones", async () => {
    const plain = await model.invoke([new HumanMessage(question), new AIMessage("Well."), new HumanMessage("And pears?")]);
    const blocks = await model.invoke([
      new HumanMessage({ content: [{ type: "text", text: question }] }),
      new AIMessage("Well."),
      new HumanMessage({ content: [{ type: "text", text: "And pears?" }] }),
    ]);
    expect(blocks.text).toBe(plain.text);
  });
});
