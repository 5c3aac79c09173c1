/** What a server needs in its environment, so that requests may use the given test endpoint, with or without a key. */
export function allowedEndpoint(baseUrl: string, key = "Zt7-very-secret-value-91"): Record<string, string> {
  return { REVIEW_INSTRUCT_ENDPOINTS: `TEST_KEY=${baseUrl}`, TEST_KEY: key };
}
