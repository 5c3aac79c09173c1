/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The one place that reads the environment. */
export const environment: Environment = process.env;
