import type { ModelAccess } from "../../nodes/model-access.js";
import { AttemptError } from "./attempt.js";
import { endpointOf } from "../endpoint.js";

const refusalStatuses = new Set([400, 404, 422, 501]);
const refusalWords = /response.?format|json.?(?:schema|mode|object)|structured.?output|guided|grammar/i;

/**
 * Lets endpoints that know no JSON schemas take part: a request refused for its schema is asked again at once without one
 * (the prompt says the shape in words too), and once that worked, later requests to this model and endpoint go without.
 */
export function withSchemaFallback(access: ModelAccess): ModelAccess {
  const plainOnly = new Set<string>();
  return async (request, config) => {
    const { reply, ...plain } = request;
    const where = `${request.settings.model} ${endpointOf(request.settings)}`;
    if (!reply || plainOnly.has(where)) return access(plain, config);
    try {
      return await access(request, config);
    } catch (error) {
      if (!refusesSchema(error)) throw error;
      const answer = await access(plain, config);
      plainOnly.add(where);
      return answer;
    }
  };
}

function refusesSchema(error: unknown): boolean {
  return error instanceof AttemptError && refusalStatuses.has(error.detail.status ?? 0) && refusalWords.test(error.message);
}
