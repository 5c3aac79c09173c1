/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The environment of this process. No other file reads `process.env`. */
export const env: Env = process.env;
