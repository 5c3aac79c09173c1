import type { OpenAIClient } from "@langchain/openai";

import { getErrorMessage } from "../../errors.js";
import { AttemptError } from "../../model-calls/attempt/attempt-error.js";
import { maxShownLength, parseCompletion, parseStream } from "./response-schema.js";
import { isEventStream, readServerEvents } from "./server-events.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;

/**
 * Reads a response with status 200 to a completion. An event stream, which nobody asked for, is joined.
 *
 * @throws {AttemptError} Retryable, for anything that is no complete chat completion, in the server's own words.
 */
export async function readCompletion(response: Response, baseUrl: string): Promise<Completion> {
  return addAdvice(baseUrl, async () => {
    const text = await response.text();
    return isEventStream(text) ? joinChunks(parseStream(readEvents([text]))) : parseCompletion(parseBody(text, response));
  });
}

/**
 * Reads a response to a request for a stream. A whole completion in place of one is a stream with one chunk.
 *
 * @throws {AttemptError} Like {@link readCompletion}.
 */
export async function* readStream(response: Response, baseUrl: string): AsyncGenerator<Chunk> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") && response.body;
  if (!isStream) {
    yield* await addAdvice(baseUrl, async () => {
      const text = await response.text();
      return isEventStream(text) ? collect(parseStream(readEvents([text]))) : [toChunk(parseCompletion(parseBody(text, response)))];
    });
    return;
  }
  const chunks = parseStream(readEvents(decodeText(isStream)));
  for (let next = await addAdvice(baseUrl, () => chunks.next()); !next.done; next = await chunks.next()) yield next.value;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function* decodeText(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
  yield decoder.decode();
}

async function* readEvents(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<unknown> {
  try {
    yield* readServerEvents(texts);
  } catch (error) {
    const isCompressed = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
    if (!(error instanceof SyntaxError) && !isCompressed) throw error;
    throw createBrokenError(`the stream is broken: ${getErrorMessage(error)}`);
  }
}

/** Parses a body whatever its content type says. */
function parseBody(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const contentType = response.headers.get("content-type")?.split(";", 1)[0] ?? "none";
    if (text.trim() === "") throw createBrokenError(`the response has an empty body (status ${response.status}, content type ${contentType})`);
    const shown = `${JSON.stringify(text.trim().slice(0, maxShownLength))} (status ${response.status}, content type ${contentType})`;
    // JSON that breaks off may have cost tokens; a web page or a sentence has not.
    if (/^\s*[[{]/.test(text)) throw createBrokenError(`the response is not JSON: ${shown}`);
    throw new AttemptError("model_unavailable", `in place of a chat completion came ${shown}`, {
      retryable: true,
      notCharged: true,
      notACompletion: true,
    });
  }
}

function createBrokenError(message: string): AttemptError {
  return new AttemptError("model_unavailable", message, { retryable: true });
}

/** Adds what is most often wrong where an endpoint answers with no completion at all. */
async function addAdvice<T>(baseUrl: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof AttemptError) || !error.details.notACompletion) throw error;
    const { pathname } = new URL(baseUrl);
    const advice = /\/(?:v\d|openai|api)\b/i.test(pathname)
      ? `Check the base URL ${baseUrl}.`
      : `Check the base URL ${baseUrl}: that of most servers ends in /v1.`;
    throw new AttemptError(error.code, error.message, { ...error.details, advice }, { cause: error.cause });
  }
}

/** Joins the chunks of a whole stream to the completion that they are parts of. */
async function joinChunks(chunks: AsyncIterable<Chunk>): Promise<Completion> {
  let content = "";
  let reasoning = "";
  let finishReason: Chunk["choices"][number]["finish_reason"] = null;
  const header: Pick<Chunk, "id" | "model" | "created" | "usage"> = { id: "", model: "", created: 0 };
  for await (const { id, model, created, usage, choices } of chunks) {
    header.id ||= id;
    header.model ||= model;
    header.created ||= created;
    header.usage = usage ?? header.usage;
    const [choice] = choices;
    content += choice?.delta.content ?? "";
    if (choice && "reasoning_content" in choice.delta) reasoning += String(choice.delta.reasoning_content);
    finishReason = choice?.finish_reason ?? finishReason;
  }
  const message = { content, ...(reasoning && { reasoning_content: reasoning }) };
  return parseCompletion({ ...header, choices: [{ message, finish_reason: finishReason }] });
}

function toChunk({ id, model, created, usage, choices }: Completion): Chunk {
  return {
    id,
    model,
    created,
    usage,
    object: "chat.completion.chunk",
    choices: choices.map(({ message, finish_reason }) => ({ index: 0, delta: toDelta(message), finish_reason })),
  };
}

/** Keeps the reasoning, which the type of a message does not have. */
function toDelta({ content, ...rest }: Completion["choices"][number]["message"]): Chunk["choices"][number]["delta"] {
  return { role: "assistant", content, ...("reasoning_content" in rest && { reasoning_content: rest.reasoning_content }) };
}
