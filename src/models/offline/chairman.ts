import { validateInstruction } from "../../prompts/validate-instruction.js";
import type { ConversationMessage } from "../../state/conversation.js";
import { reviewDimensions } from "../../state/records.js";
import { type Language, type Phrases, fillPhrase, phrases } from "./phrases.js";
import { getTopics, pickByHash } from "./text.js";

export type Direction = "depth" | "breadth" | "follow_up";

/** What a chairman is shown. */
export interface ChairmanTask {
  readonly messages: readonly ConversationMessage[];
  readonly critiques: readonly string[];
  readonly direction: Direction;
  readonly language: Language;
}

/**
 * Writes the user's next message, one that `validateInstruction` always finds fit. Depth asks for what most critiques find
 * missing, breadth about another side of the first message's topics, follow up about what to do next.
 */
export function writeInstruction({ messages, critiques, direction, language }: ChairmanTask): string {
  const asked = messages.filter((line) => line.role === "user").map((line) => line.content);
  const ideas = [
    ...(direction === "depth" ? listDepthIdeas(phrases[language], asked, critiques) : []),
    ...listIdeas(phrases[language], asked, direction),
  ];
  // When all is asked, the ideas come again with a number; there are more numbers here than messages that can have used them.
  for (let round = 1; round <= asked.length + 1; round++) {
    for (const idea of ideas) {
      const instruction = [...(language === "other" ? ["(in English)"] : []), idea, ...(round > 1 ? [`(${round})`] : [])].join(" ");
      if (!asked.includes(instruction) && validateInstruction(instruction, messages) === null) return instruction;
    }
  }
  return ideas.join(" ");
}

/** Lists questions for what is missing: first what most critiques miss, and of the topics those that they name. */
function listDepthIdeas(words: Phrases, asked: readonly string[], critiques: readonly string[]): string[] {
  const topics = [...getTopics(asked.at(-1) ?? ""), ...getTopics(asked[0] ?? "")];
  const wishes = reviewDimensions.map((dimension) => {
    const endings = Object.values(phrases).map(({ parts }) => parts[dimension]);
    return { dimension, critiques: critiques.filter((critique) => endings.some((ending) => critique.slice(0, -1).endsWith(ending))) };
  });
  wishes.sort((a, b) => b.critiques.length - a.critiques.length);
  return wishes.flatMap((wish) => {
    const said = (wish.critiques.length > 0 ? wish.critiques : critiques).join("\n");
    const ranked = [...topics.filter((topic) => said.includes(topic)), ...topics].map((text) => fillPhrase(words.quote, { text }));
    const missing = words.parts[wish.dimension];
    return ranked.map((topic, index) => fillPhrase(pickByHash(words.deeper, "", asked.length + index), { topic, missing }));
  });
}

/** Lists the next things to ask about the topics of the first message: on follow up what to do next, then its other sides. */
function listIdeas(words: Phrases, [seed = ""]: readonly string[], direction: Direction): string[] {
  const topics = getTopics(seed).map((text) => fillPhrase(words.quote, { text }));
  const facets = words.facets.map((_, index) => pickByHash(words.facets, seed, index));
  const sides = topics.flatMap((topic) => facets.map((facet) => fillPhrase(words.wider, { facet, topic })));
  return direction === "follow_up" ? [...topics.map((topic) => fillPhrase(words.next, { topic })), ...sides] : sides;
}
