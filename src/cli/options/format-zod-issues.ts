import type { z } from "zod";

/** Formats every issue of a validation error in one line. */
export function formatZodIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join(".") || "the whole"}: ${issue.message}`).join("; ");
}

/** Returns the path of the first issue, e.g. `candidate.temperature`. */
export function getFirstField(error: z.ZodError): string | undefined {
  return error.issues[0]?.path.join(".");
}
