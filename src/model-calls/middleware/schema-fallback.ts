import { AttemptError } from "../attempt/attempt-error.js";
import { type CallModel, type DescribeEndpoint, describeBaseUrl } from "../model-call.js";

const rejectionStatuses = new Set([400, 404, 422, 501]);
const rejectionPattern = /response.?format|json.?(?:schema|mode|object)|structured.?output|guided|grammar/i;

/**
 * Supports endpoints without JSON schemas: a request rejected for its schema is sent again at once without one.
 *
 * The prompt describes the shape in words, too. If the request without a schema works, later requests to this model and
 * endpoint are sent without one.
 */
export function withSchemaFallback(next: CallModel, describeEndpoint: DescribeEndpoint = describeBaseUrl): CallModel {
  const endpointsWithoutSchema = new Set<string>();
  return async (request, config) => {
    const { responseFormat, ...plainRequest } = request;
    const endpointKey = `${request.settings.model} ${describeEndpoint(request.settings) ?? ""}`;
    if (!responseFormat || endpointsWithoutSchema.has(endpointKey)) return next(plainRequest, config);
    try {
      return await next(request, config);
    } catch (error) {
      if (!isSchemaRejection(error)) throw error;
      const response = await next(plainRequest, config);
      endpointsWithoutSchema.add(endpointKey);
      return response;
    }
  };
}

function isSchemaRejection(error: unknown): boolean {
  return error instanceof AttemptError && rejectionStatuses.has(error.details.status ?? 0) && rejectionPattern.test(error.message);
}
