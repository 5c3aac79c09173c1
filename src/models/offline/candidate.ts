import * as frames from "./frames.js";
import { dealer, drawn, hashOf } from "./hash.js";
import { countWords, keyTerms, subjectOf } from "./terms.js";

/** What a candidate is asked. */
export interface Task {
  /** The newest user message. */
  readonly instruction: string;
  /** The user's earlier messages, oldest first. */
  readonly earlier: readonly string[];
  readonly wordLimit: number;
}

/** The words an answer is made of, and a way to make sentences of them. */
interface Material {
  readonly topic: string;
  /** Key terms to take up; at least one. */
  readonly terms: readonly [string, ...string[]];
  /** The next unused sentence of a kind. */
  readonly say: (kind: frames.Frames, a: string, b?: string) => string;
}

/** How good an answer is to be, in the respects that a review measures. */
interface Manner {
  readonly form: Form;
  /** Share of the key terms after the first that is taken up. */
  readonly share: number;
  readonly reasons: number;
  readonly examples: number;
  readonly hedges: number;
}

/** Lays out an answer; `support` are its reasons, examples and hedges. */
type Form = (material: Material, support: readonly string[]) => Block[];

/** Sentences that stand together: a paragraph, or the lines of a list. */
interface Block {
  readonly sentences: readonly string[];
  readonly between: " " | "\n";
}

/**
 * Answers in sentences built around the instruction's own key terms. Manner and sentences follow from a hash of the
 * instruction and of the number of messages before it.
 */
export function answerTask({ instruction, earlier, wordLimit }: Task): string {
  const { terms, inputTerms, topics } = subjectOf(instruction);
  const [first, ...rest] = [...terms, ...inputTerms];
  if (first === undefined) return "There are no words in that message: name a subject.";
  const hash = hashOf(`${earlier.length} ${instruction}`);
  const manner = mannerOf(hash);
  const kept = rest.slice(0, Math.floor(rest.length * manner.share));
  const decks = new Map<frames.Frames, () => frames.Frame>();
  const material: Material = {
    topic: manner.share < 1 ? first : drawn(hash, 0, [topics[0] ?? first, ...topics.slice(1)]),
    terms: [first, ...kept],
    say: (kind, a, b) => {
      const deal = decks.get(kind) ?? dealer(hash, 10 + decks.size, kind);
      decks.set(kind, deal);
      return deal()(a, b === undefined || b === a ? "the rest" : b);
    },
  };
  const given = inputTerms.find((term) => kept.includes(term));
  const before = earlier
    .slice(-3)
    .flatMap((message) => keyTerms(message, 1))
    .findLast((term) => term !== first && !rest.includes(term));
  const links = [
    ...(given === undefined ? [] : [material.say(frames.materials, given)]),
    ...(before === undefined ? [] : [material.say(frames.backward, before)]),
  ];
  return within(wordLimit, manner.form(material, [...links, ...supportFor(material, manner)])) || `In short: ${first}.`;
}

/**
 * Draws each respect by itself, so that weaknesses come alone and together, and a rehearsal sees panels of one mind, of both
 * kinds, and divided ones. A value stands more than once where it should come up more often.
 */
function mannerOf(hash: number): Manner {
  return {
    form: drawn(hash, 1, [paragraphs, paragraphs, paragraphs, numbered, numbered, bullets, oneBlock, brief, echoing]),
    share: drawn(hash, 2, [1, 1, 1, 0.6, 0.3]),
    reasons: drawn(hash, 3, [2, 2, 2, 1, 0]),
    examples: drawn(hash, 4, [1, 1, 0]),
    hedges: drawn(hash, 5, [0, 0, 0, 1, 2, 4]),
  };
}

function paragraphs(material: Material, support: readonly string[]): Block[] {
  const { topic, say } = material;
  return [prose(say(frames.leads, topic), ...inPairs(material)), prose(...support, say(frames.closings, topic))];
}

function numbered({ topic, terms, say }: Material, support: readonly string[]): Block[] {
  return [prose(say(frames.leads, topic)), list(...terms.map((term, index) => `${index + 1}. ${say(frames.steps, term)}`)), prose(...support)];
}

function bullets({ terms, say }: Material, support: readonly string[]): Block[] {
  return [list(...terms.map((term) => `- ${say(frames.remarks, term)}`)), prose(...support)];
}

function oneBlock(material: Material, support: readonly string[]): Block[] {
  return [prose(material.say(frames.leads, material.topic), ...inPairs(material), ...support)];
}

function brief({ topic, terms, say }: Material, support: readonly string[]): Block[] {
  return [prose(say(frames.leads, topic), say(frames.singles, terms.at(-1) ?? topic), ...support.slice(0, 1))];
}

/** One sentence for all: each term in it, and the topic twice more. */
function echoing({ topic, terms, say }: Material, support: readonly string[]): Block[] {
  const echo = drawn(hashOf(topic), 6, frames.echoes);
  return [prose(say(frames.leads, topic), ...[...terms, topic, topic].map((term) => echo(term, topic))), prose(...support)];
}

/** Takes the terms up two at a time. */
function inPairs({ terms, say }: Material): string[] {
  return terms.flatMap((term, index) => {
    if (index % 2 === 1) return [];
    const partner = terms[index + 1];
    return [partner === undefined ? say(frames.singles, term) : say(frames.pairs, term, partner)];
  });
}

/** Hedges, reasons and examples, about one term after the other. */
function supportFor({ terms, say }: Material, { hedges, reasons, examples }: Manner): string[] {
  const term = (index: number) => terms[index % terms.length] ?? terms[0];
  const kinds = [...times(hedges, frames.hedged), ...times(reasons, frames.reasons), ...times(examples, frames.examples)];
  return kinds.map((kind, index) => say(kind, term(index), term(index + 1)));
}

/** As many whole sentences, in their order, as the limit allows. */
function within(wordLimit: number, blocks: readonly Block[]): string {
  let left = wordLimit;
  const takeIfItFits = (sentence: string) => {
    const words = countWords(sentence);
    if (words > left) return false;
    left -= words;
    return true;
  };
  const texts = blocks.map(({ sentences, between }) => sentences.filter(takeIfItFits).join(between));
  return texts.filter((text) => text !== "").join("\n\n");
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

function prose(...sentences: string[]): Block {
  return { sentences, between: " " };
}

function list(...sentences: string[]): Block {
  return { sentences, between: "\n" };
}
