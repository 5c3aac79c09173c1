/** Variables by name, as `process.env` has them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The one place that reads the environment. */
export const env: Env = process.env;
