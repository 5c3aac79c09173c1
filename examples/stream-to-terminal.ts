/**
 * Streams a conversation: the candidate's answer token by token (stream mode `messages`), then each review and the verdict as
 * they arrive (stream mode `custom`).
 *
 *     npx tsx examples/stream-to-terminal.ts                                         # built-in offline model, no key, no network
 *     npx tsx examples/stream-to-terminal.ts openai:gpt-4o-mini                      # key in OPENAI_API_KEY
 *     npx tsx examples/stream-to-terminal.ts openai:qwen2.5 http://localhost:8000/v1
 */
import { type ConversationEvent, createModelCaller, createReviewInstructGraph, reviewDimensions } from "langgraph-review-instruct";

const [model = "offline", baseUrl = null] = process.argv.slice(2);

/** Formats an event. Its `type` determines its other fields. */
function formatEvent(event: ConversationEvent): string {
  switch (event.type) {
    case "instruction":
      return `\n--- Turn ${event.turn} (${event.evolution}) ---\n${event.instruction}\n\n`;
    case "response":
      return "\n\n";
    case "review":
      return `${event.reviewer}: ${event.verdict} (${reviewDimensions.map((name) => `${name} ${event.scores[name]}`).join(", ")})\n  ${event.critique}\n`;
    case "abstention":
      return `${event.reviewer} abstains: ${event.reason}\n`;
    case "verdict":
      return `Verdict: ${event.verdict}, ${event.positive} to ${event.negative}\n`;
    case "early_stop":
      return `The conversation stops here: ${event.message}\n`;
    case "error":
      return `${event.message}\n`;
  }
}

/** Prints text without control characters, except tabs and line breaks: a model's text must not control the terminal. */
function print(text: string): void {
  process.stdout.write(text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ""));
}

const graph = createReviewInstructGraph({ callModel: createModelCaller() });
const stream = await graph.stream(
  { instruction: "How do I keep basil alive on a kitchen windowsill in winter?" },
  { context: { turns: 3, model, baseUrl }, streamMode: ["custom", "messages"] },
);

for await (const [mode, chunk] of stream) {
  if (mode === "custom") {
    print(formatEvent(chunk));
  } else {
    // Reviewers and chairman stream JSON here. Their results arrive as events.
    const [message, { langgraph_node }] = chunk;
    if (langgraph_node === "candidate") print(message.text);
  }
}
