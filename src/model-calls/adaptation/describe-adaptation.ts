import type { AdaptationEvent } from "./adaptation-memory.js";

/** Describes a change for people: what the endpoint refuses, what is sent in its place, and the setting for it. */
export function describeAdaptation({ model, endpoint, part, value, reason }: AdaptationEvent): string {
  const said = reason.replace(/[.\s]+$/, "");
  return `${model} at ${endpoint} ${describeChange(part, value)}. It said: ${said}.`;
}

function describeChange(part: AdaptationEvent["part"], value: string): string {
  switch (part) {
    case "temperature":
      return "takes no temperature, so that none is sent from now on (the same as `temperature: null`)";
    case "maxTokensParameter":
      return `takes the output limit as \`${value}\`, which is used from now on (the same as \`maxTokensParameter: ${value}\`)`;
    case "systemRole":
      return value === "merge"
        ? "takes no system message, so that its text goes into the first user message from now on (the same as `systemRole: merge`)"
        : `takes the rules in the role \`${value}\`, which is used from now on (the same as \`systemRole: ${value}\`)`;
    case "responseFormat":
      return value === "json_object"
        ? "does not take the JSON schema, so that it is asked for any JSON object from now on; the prompt describes the shape"
        : "takes no JSON format, so that the prompt alone asks for one from now on";
  }
}
