import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type ChairmanPromptInput, buildChairmanPrompt, parseInstruction } from "../../../../src/prompts/chairman.js";
import type { ConversationMessage } from "../../../../src/state/conversation.js";
import type { Review } from "../../../../src/state/records.js";
import { Settings } from "../../../../src/state/settings.js";
import { anyText, readSeedMessages, runOfflineConversation, getResponse, settings } from "../../../support/offline-conversation.js";

const scores = { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 };
const seed = "Explain the sourdough and the rye flour to me.";

function after(question: string): ConversationMessage[] {
  return [
    { role: "user", content: question },
    { role: "assistant", content: "So it is." },
  ];
}

/** The next instruction, through the real prompt and parser. */
async function ask(
  evolution: ChairmanPromptInput["evolution"],
  messages: readonly ConversationMessage[],
  critiques: readonly string[] = [],
  used = settings,
): Promise<string> {
  const reviews = critiques.map((critique, index): Review => ({ reviewer: `${index}`, scores, verdict: "negative", critique }));
  return parseInstruction(await getResponse(buildChairmanPrompt(used, { messages, reviews, verdict: null, evolution })), messages);
}

describe("the offline chairman", () => {
  it.each([
    ["a reason", 'The answer says "So it is", but on "rye" it still needs a reason.'],
    ["an example", 'The words "So it is" give the reader a reason, but the answer still needs an example.'],
    ["a clear statement", "Die Antwort sagt „So it is“, aber zu „rye“ braucht sie noch eine klare Aussage."],
  ])("asks on depth for what the critiques miss: %s", async (missing, critique) => {
    expect(await ask("depth", after(seed), [critique])).toContain(missing);
  });

  it("asks on depth about the topic that the critiques name", async () => {
    const critique = 'The answer says "So it is", but on "rye" it still needs a direct answer.';
    expect(await ask("depth", after(seed), [critique])).toMatch(/"rye".*a direct answer/);
  });

  it("asks on depth for what most critiques miss", async () => {
    const [reason, example] = ["It still needs a reason.", "It still needs an example."];
    expect(await ask("depth", after(seed), [example, reason, reason])).toContain("a reason");
    expect(await ask("depth", after(seed), [example, reason, example])).toContain("an example");
  });

  it("finds its topic in the critique of any other hand", async () => {
    expect(await ask("depth", after(seed), ["Der Abschnitt zu flour bleibt eine bloße Behauptung."])).toContain('"flour"');
  });

  it("opens another side of the seed's topic on breadth, turn after turn", async () => {
    const turns = await runOfflineConversation(seed, 6, "breadth");
    for (const { instruction } of turns.slice(1)) expect(instruction).toMatch(/^What should I know about the .+ when it comes to "sourdough"\?$/);
    expect(new Set(turns.map(({ instruction }) => instruction)).size).toBe(6);
  });

  it("asks on follow up what to do next", async () => {
    expect(await ask("follow_up", after(seed))).toBe('What should I do next about "sourdough"?');
  });

  it.each([
    ["Warum wird Brot alt?", /^Was sollte ich bei „Brot“ .+\?$/],
    ["Pourquoi le pain rassit-il ?", /^Que faut-il savoir sur .+ « pain » \?$/],
    ["¿Por qué se pone duro el pan?", /^¿Qué debería saber sobre .+ «pan»\?$/],
    ["请解释光合作用", /^说到“光合作用”，在.+方面我应该知道什么？$/],
    ["Как печь хлеб?", /^\(in English\) What should I know about .+ "печь"\?$/],
  ])("asks in the language of the first message: %s", async (question, pattern) => {
    expect(await ask("breadth", after(question))).toMatch(pattern);
    expect(await ask("breadth", [...after(question), ...after("And now?")])).toMatch(pattern);
  });

  it("asks in the language of the setting when that names one", async () => {
    expect(await ask("breadth", after(seed), [], Settings.parse({ language: "German" }))).toMatch(/^Was sollte ich bei „sourdough“/);
  });

  it("asks one question of a user, within 60 words, about every seed", async () => {
    for (const message of readSeedMessages()) {
      const instruction = await ask("depth", after(message), ["It still needs a reason."]);
      expect(instruction.match(/[?？](?!.*[?？])/)).toHaveLength(1);
      expect(instruction.split(/\s+/).length).toBeLessThanOrEqual(60);
    }
  });

  it.each(["breadth", "depth", "follow_up"] as const)("never repeats itself over 100 turns of direction %s", async (direction) => {
    const messages = after("Warum wird Brot alt?");
    const asked = new Set<string>();
    for (let turn = 0; turn < 100; turn++) {
      const instruction = await ask(direction, messages, ["Zu „Brot“ braucht sie noch einen Grund."]);
      asked.add(instruction.toLowerCase());
      messages.push(...after(instruction));
    }
    expect(asked.size).toBe(100);
  });

  it("passes the parser for any conversation and any critiques", async () => {
    const line = fc.record({ role: fc.constantFrom("system" as const, "user" as const, "assistant" as const), content: anyText });
    const direction = fc.constantFrom("depth" as const, "breadth" as const, "follow_up" as const);
    const dialogues = fc.array(line, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(dialogues, fc.array(anyText, { maxLength: 3 }), direction, async (messages, critiques, evolution) => {
        const instruction = await ask(evolution, messages, critiques);
        expect(instruction.split(/\s+/).length).toBeLessThanOrEqual(60);
        expect(instruction).not.toMatch(/\p{Cs}/u);
      }),
    );
  });
});
