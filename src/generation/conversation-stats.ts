import { type ConversationRow, parseAbstentions } from "../dataset/conversation-row.js";

/** Statistics of the conversations that this run finished. */
export interface ConversationStats {
  /** Number of conversations that stopped before their last turn. */
  readonly earlyStops: number;
  /** Number of turns of all finished conversations. */
  readonly turns: number;
  /** Number of abstentions by reviewer; reviewers without any are left out. */
  readonly abstentions: Readonly<Record<string, number>>;
}

/** Creates a counter of {@link ConversationStats}. */
export function createStatsCounter(): { add(row: ConversationRow): void; get(): ConversationStats } {
  const counts = { earlyStops: 0, turns: 0 };
  const abstentions = new Map<string, number>();
  return {
    add: ({ earlyStop, turns }) => {
      counts.turns += turns.length;
      if (earlyStop) counts.earlyStops += 1;
      for (const { reviewer } of turns.flatMap(parseAbstentions)) abstentions.set(reviewer, (abstentions.get(reviewer) ?? 0) + 1);
    },
    get: () => ({ ...counts, abstentions: Object.fromEntries(abstentions) }),
  };
}
