import { isIPv4 } from "node:net";

/** Ranges of this machine and of private networks (RFC 1918, RFC 6598, link-local). */
const privateRanges = /^(?:127|10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;
const privateNames = /^(?:localhost|host\.docker\.internal)$|\.(?:local|localhost|internal|lan|home\.arpa)$/i;

/** Returns true if an endpoint is on this machine or in a private network, where a server with few slots is usual. */
export function isPrivateEndpoint(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { hostname } = new URL(endpoint);
  if (hostname.startsWith("[")) return /^\[(?:::1|f[cd]|fe[89ab])/i.test(hostname);
  if (isIPv4(hostname)) return privateRanges.test(hostname);
  return privateNames.test(hostname) || !hostname.includes(".");
}
