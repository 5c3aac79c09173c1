/** Failures of name lookup, of connecting and of the TLS handshake, after all of which nothing of a request was sent. */
const earlyCodes = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|ERR_SSL_WRONG_VERSION_NUMBER|(?:ERR_TLS_)?CERT_\w+)$/;
const certificateCodes = /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;
const earlySystemCalls = new Set(["connect", "getaddrinfo"]);

/** Whether an error or one of its causes shows that a request never left, as Node's sockets and fetch report it. */
export function wasNeverSent(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === "object" && current !== null; depth++) {
    const { code, syscall, cause } = getFields(current);
    if (typeof code === "string" && (earlyCodes.test(code) || certificateCodes.test(code))) return true;
    if (typeof syscall === "string" && earlySystemCalls.has(syscall)) return true;
    current = cause;
  }
  return false;
}

function getFields(value: object): { code?: unknown; syscall?: unknown; cause?: unknown } {
  return value;
}
