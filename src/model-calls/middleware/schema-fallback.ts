import { type CallModel, type DescribeEndpoint, describeBaseUrl } from "../model-call.js";
import { AttemptError } from "../attempt/attempt-error.js";

const refusalStatuses = new Set([400, 404, 422, 501]);
const refusalWords = /response.?format|json.?(?:schema|mode|object)|structured.?output|guided|grammar/i;

/**
 * Lets endpoints that know no JSON schemas take part: a request refused for its schema is asked again at once without one
 * (the prompt says the shape in words too), and once that worked, later requests to this model and endpoint go without.
 */
export function withSchemaFallback(access: CallModel, describeEndpoint: DescribeEndpoint = describeBaseUrl): CallModel {
  const endpointsWithoutSchema = new Set<string>();
  return async (request, config) => {
    const { responseFormat, ...plain } = request;
    const where = `${request.settings.model} ${describeEndpoint(request.settings) ?? ""}`;
    if (!responseFormat || endpointsWithoutSchema.has(where)) return access(plain, config);
    try {
      return await access(request, config);
    } catch (error) {
      if (!isSchemaRejection(error)) throw error;
      const answer = await access(plain, config);
      endpointsWithoutSchema.add(where);
      return answer;
    }
  };
}

function isSchemaRejection(error: unknown): boolean {
  return error instanceof AttemptError && refusalStatuses.has(error.detail.status ?? 0) && refusalWords.test(error.message);
}
