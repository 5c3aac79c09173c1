import { z } from "zod";

const JsonObject = z.record(z.string(), z.unknown());

/** A run as LangSmith would show it. */
const ReceivedRun = z.looseObject({
  id: z.string(),
  name: z.string(),
  run_type: z.string(),
  trace_id: z.string(),
  parent_run_id: z.string().nullish(),
  dotted_order: z.string(),
  session_name: z.string().optional(),
  start_time: z.union([z.number(), z.string()]),
  end_time: z.union([z.number(), z.string()]).optional(),
  tags: z.array(z.string()).default([]),
  inputs: JsonObject.optional(),
  outputs: JsonObject.optional(),
  error: z.string().nullish(),
  extra: z.looseObject({ metadata: JsonObject.default({}) }).default({ metadata: {} }),
});
export type ReceivedRun = z.infer<typeof ReceivedRun>;

const ReceivedFeedback = z.looseObject({
  id: z.string(),
  run_id: z.string(),
  trace_id: z.string().optional(),
  session_id: z.string().optional(),
  key: z.string(),
  score: z.number().nullish(),
  value: z.unknown().optional(),
  comment: z.string().nullish(),
  feedback_source: z.looseObject({ type: z.string(), metadata: z.looseObject({ __run: z.object({ run_id: z.string() }).optional() }) }),
});
export type ReceivedFeedback = z.infer<typeof ReceivedFeedback>;

export interface ReceivedExample {
  readonly id: string;
  readonly inputs: unknown;
  readonly outputs: unknown;
  readonly metadata: Record<string, unknown>;
  readonly split?: string | string[];
}

/** Parses a multipart body, each part of which is JSON. */
export async function parseFormFields(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Record<string, unknown>> {
  const form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) fields[name] = JSON.parse(typeof value === "string" ? value : await value.text());
  return fields;
}

/** Merges the parts `post|patch.<run id>[.<field>]` of all requests. Later parts win. */
export function mergeRuns(bodies: readonly Readonly<Record<string, unknown>>[]): ReceivedRun[] {
  const runs = new Map<string, Record<string, unknown>>();
  for (const fields of bodies) {
    for (const [name, value] of Object.entries(fields)) {
      const [, id, field] = /^(?:post|patch)\.([0-9a-f-]{36})(?:\.(\w+))?$/.exec(name) ?? [];
      if (id === undefined) continue;
      runs.set(id, { ...runs.get(id), ...(field === undefined ? JsonObject.parse(value) : { [field]: value }) });
    }
  }
  return [...runs.values()].map((run) => ReceivedRun.parse(run)).sort((a, b) => (a.dotted_order < b.dotted_order ? -1 : 1));
}

/** Returns the ids of the runs that requests create, with repetitions. */
export function getPostedRunIds(bodies: readonly Readonly<Record<string, unknown>>[]): string[] {
  const names = bodies.flatMap((fields) => Object.keys(fields));
  return names.filter((name) => /^post\.[0-9a-f-]{36}$/.test(name)).map((name) => name.slice("post.".length));
}

/** Returns the feedback in multipart bodies and in requests to the feedback endpoint. The same id twice is one entry. */
export function parseFeedback(requests: readonly { readonly url: string; readonly fields: Readonly<Record<string, unknown>> }[]): ReceivedFeedback[] {
  const received = requests.flatMap(({ url, fields }) => {
    if (url.startsWith("/feedback")) return [fields];
    return Object.entries(fields).flatMap(([name, value]) => (name.startsWith("feedback.") ? [value] : []));
  });
  const feedback = received.map((entry) => ReceivedFeedback.parse(entry));
  return [...new Map(feedback.map((entry) => [entry.id, entry])).values()];
}

/** Returns the examples in an upload. */
export function parseExamples(fields: Readonly<Record<string, unknown>>): ReceivedExample[] {
  const ids = Object.keys(fields).filter((name) => !name.includes("."));
  return ids.map((id) => {
    const { metadata, split } = z
      .object({ metadata: JsonObject.default({}), split: z.union([z.string(), z.array(z.string())]).optional() })
      .parse(fields[id]);
    return { id, inputs: fields[`${id}.inputs`], outputs: fields[`${id}.outputs`], metadata, split };
  });
}
