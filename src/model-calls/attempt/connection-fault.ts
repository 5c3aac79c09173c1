const untrustedAdvice =
  "The server's certificate is not signed by an authority that Node.js knows. If you trust the server, set the environment variable NODE_EXTRA_CA_CERTS to a PEM file with its certificate or its authority's.";
const faults: readonly [codes: RegExp, advice: string][] = [
  [/^CERT_HAS_EXPIRED$/, "The server's certificate has expired: renew it there, and check the clock of this machine."],
  [/^CERT_NOT_YET_VALID$/, "The server's certificate is not valid yet: check the clocks of the server and of this machine."],
  [
    /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    "The server's certificate is for another host name: use a name from the certificate in the base URL, or a certificate for this one.",
  ],
  [/^CERT_REVOKED$/, "The server's certificate was revoked: it needs a new one."],
  [
    /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|CERT_CHAIN_TOO_LONG|INVALID_CA|UNABLE_TO_\w+)$/,
    untrustedAdvice,
  ],
  [
    /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_UNSUPPORTED_PROTOCOL)$/,
    "The server does not speak TLS at this address: use http:// in the base URL, or the port for https.",
  ],
  [
    /^(?:ERR_SSL_\w*ALERT\w*|CERT_\w+)$/,
    "The server and this machine do not agree on TLS: check its certificate and whether it asks for one of yours.",
  ],
];

/** Returns what to do about a connection that only a person can mend, by its Node.js error code; null for other codes. */
export function getConnectionAdvice(code: string): string | null {
  return faults.find(([codes]) => codes.test(code))?.[1] ?? null;
}
