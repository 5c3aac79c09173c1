/** Whether a URL names a user or a password before its host. */
export function holdsCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

/** The values in a base URL's query, as written, as sent and as meant (`a%20b`, `a+b`, `a b`): any of them may be a key. */
export function querySecrets(baseUrl: string | null): string[] {
  if (baseUrl === null) return [];
  const { search, searchParams } = new URL(baseUrl);
  const pairs = [search.slice(1), searchParams.toString()].flatMap((query) => query.split("&"));
  return [...new Set([...pairs.map((pair) => pair.slice(pair.indexOf("=") + 1)), ...searchParams.values()])];
}
