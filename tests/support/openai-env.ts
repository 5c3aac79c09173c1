/** Creates the environment of a server whose requests may use a test endpoint. */
export function createEndpointEnv(baseUrl: string, apiKey = "Zt7-very-secret-value-91"): Record<string, string> {
  return { REVIEW_INSTRUCT_ENDPOINTS: `TEST_KEY=${baseUrl}`, TEST_KEY: apiKey };
}
