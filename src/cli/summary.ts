import type { JobResult } from "../generation/job.js";

/** What a job came to, and what to do next. */
export function summaryLines(result: JobResult): string[] {
  const { total, finished, found, failed, endedEarly } = result;
  const open = Math.max(0, total - finished - found - failed);
  return [
    "",
    `Conversations: ${finished + found} of ${total} finished${found > 0 ? ` (${found} by earlier runs)` : ""}, ${failed} failed, ${open} open.`,
    ...(endedEarly > 0 ? [`${endedEarly} ended before their last turn; each row says why.`] : []),
    `Rows: ${result.conversations}`,
    ...(failed > 0 ? [`Failures: ${result.failures} (--retry-failed tries them again)`] : []),
    ...(open > 0 ? ["The same command continues with the open ones."] : []),
  ];
}
