import { validateInstruction } from "../../prompts/validate-instruction.js";
import type { ConversationMessage } from "../../state/conversation.js";
import { type CritiquePoints, readCritique } from "./critique.js";
import type { Frames } from "./frames.js";
import { hashOf } from "./hash.js";
import * as questions from "./questions.js";
import { fold, keyTerms, subjectOf } from "./terms.js";

export type Direction = "depth" | "breadth" | "follow_up";

/** What a chairman is shown. */
export interface Chair {
  readonly dialogue: readonly ConversationMessage[];
  readonly critiques: readonly string[];
  readonly direction: Direction;
}

/** The topics of the conversation, the one of this turn first, and a number that moves on by one each turn. */
interface Standpoint {
  readonly topics: readonly [string, ...string[]];
  readonly turn: number;
}

/**
 * Writes the user's next message: on depth about what the critiques hold against the answer, on breadth about a side of the
 * topic that was not opened yet, else the next natural question. Always one that `validateInstruction` finds fit, within 60 words.
 */
export function nextInstruction({ dialogue, critiques, direction }: Chair): string {
  const asked = dialogue.filter((line) => line.role === "user").map((line) => line.content);
  const turn = hashOf(asked[0] ?? "") + asked.length;
  const [topic = "this", ...others] = rotated(topicsOf(asked), turn);
  const at: Standpoint = { topics: [topic, ...others], turn };
  const isFit = (idea: string) => validateInstruction(idea, dialogue) === null;
  for (const idea of ideas(at, direction, direction === "depth" ? critiques : [], dialogue)) {
    if (isFit(idea)) return idea;
  }
  // A conversation of finite length cannot have used up all numbers.
  for (let number = 2; ; number++) {
    const idea = `What else is worth knowing here? Name ${number} more points.`;
    if (isFit(idea)) return idea;
  }
}

/** Everything there is to ask, the aptest first, made only as far as it is needed. */
function* ideas(at: Standpoint, direction: Direction, critiques: readonly string[], dialogue: readonly ConversationMessage[]): Generator<string> {
  if (direction === "depth") yield* deeper(at, critiques, dialogue);
  if (direction === "follow_up") for (const topic of at.topics) yield* filled(questions.getNextSteps, at, topic);
  for (const topic of at.topics) yield* filled(questions.facets, at, topic);
  for (const opener of questions.openers) {
    for (const topic of at.topics) for (const question of filled(questions.facets, at, topic)) yield opener(question, question);
  }
}

/** Questions on the criticised points, those that most critiques name first. */
function* deeper(at: Standpoint, critiques: readonly string[], dialogue: readonly ConversationMessage[]): Generator<string> {
  const points = critiques.map(readCritique);
  const [topic] = at.topics;
  const groups = [
    { named: count(points, (point) => point.missing.length > 0), ideas: () => aboutMissing(at, points) },
    {
      named: count(points, (point) => point.hedges.length > 0),
      ideas: () => unique(points.flatMap((point) => point.hedges)).flatMap((hedge) => filled(questions.aboutHedge, at, topic, hedge)),
    },
    { named: count(points, (point) => point.thin), ideas: () => filled(questions.aboutThin, at, topic) },
    {
      named: count(points, (point) => point.repeated !== null),
      ideas: () => unique(points.flatMap((point) => point.repeated ?? [])).flatMap((phrase) => filled(questions.aboutRepetition, at, topic, phrase)),
    },
  ];
  for (const group of groups.filter(({ named }) => named > 0).sort((a, b) => b.named - a.named)) yield* group.ideas();
  // A critique in another hand: dig where its words meet those of the conversation.
  const spoken = fold(dialogue.map((line) => line.content).join("\n"));
  const shared = keyTerms(critiques.join("\n"), 12).filter((term) => spoken.includes(fold(term)));
  for (const term of [...shared, ...at.topics]) yield* filled(questions.aboutThin, at, term);
}

/** Those of the first message that has any: a conversation keeps to what it began with. */
function topicsOf(asked: readonly string[]): readonly string[] {
  for (const message of asked) {
    const { topics } = subjectOf(message);
    if (topics.length > 0) return topics;
  }
  return [];
}

function aboutMissing(at: Standpoint, points: readonly CritiquePoints[]): string[] {
  return unique(points.flatMap((point) => point.missing)).flatMap((term) => {
    const topic = at.topics.find((each) => !fold(each).includes(fold(term))) ?? "the rest";
    return filled(questions.aboutMissing, at, term, topic);
  });
}

/** All questions of a kind, beginning with this turn's, so that none comes up twice before all have. */
function filled(frames: Frames, at: Standpoint, a: string, b = a): string[] {
  return rotated(frames, at.turn).map((frame) => frame(a, b));
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}

function count(points: readonly CritiquePoints[], holds: (point: CritiquePoints) => boolean): number {
  return points.filter(holds).length;
}
