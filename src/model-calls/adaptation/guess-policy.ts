import { LRUCache } from "lru-cache";

import type { AttemptError } from "../attempt/attempt-error.js";
import type { DescribeEndpoint, ModelRequest } from "../model-call.js";
import { type Adaptation, hasPart } from "./adaptation.js";
import { isPossibleRefusal } from "./find-refusal.js";

/** What an endpoint and model did so far. */
interface EndpointRecord {
  /** Set while requests without a format are answered. */
  plainWorks: boolean;
  /** Server errors in a row, of requests with and without a format. */
  formatFailures: number;
  plainFailures: number;
  /** Guesses in a row that did not help. */
  wrongGuesses: number;
}

/** Statuses by which a server refuses a request for its form. */
const refusalStatuses: readonly number[] = [400, 405, 415, 422, 501];
/** Errors that say no more than their status. */
const saysNothing =
  /^HTTP \d+(?::\s*(?:bad request|internal (?:server )?error|unprocessable entity|invalid[ _]request(?:_error)?|server error|(?:unknown )?error|something went wrong|status \d+|(?:\d+ )?status code \(no body\))?[.!\s]*)?$/i;
/** Errors of another part of the request, or of the model's name. */
const namesOtherPart =
  /\b(?:temperature|top_[pk]|max_(?:completion_)?tokens|seed|stop|\w+_penalty|api.?key|chat_template_kwargs)\b|\bmodel\b.*\bnot (?:exist|found)|no model named/i;
/** Guesses end after this number that did not help, until a request without a format is answered again. */
const maxWrongGuesses = 3;
/** Server errors in a row after which a guess is made where nothing shows that the server works. */
const minFailures = 2;

/** Bounds the memory of a server that accepts settings from its clients. */
const maxRecords = 1_000;

/** Decides what to leave out of a request whose endpoint does not say what it refuses. */
export class GuessPolicy {
  readonly #records = new LRUCache<string, EndpointRecord>({ max: maxRecords });

  constructor(private readonly describeEndpoint: DescribeEndpoint) {}

  recordSuccess(sent: ModelRequest): void {
    const record = this.#getRecord(sent);
    if (sent.responseFormat) record.formatFailures = 0;
    else Object.assign(record, { plainWorks: true, plainFailures: 0, wrongGuesses: 0 });
  }

  recordFailure(sent: ModelRequest, { details: { status = 0 } }: AttemptError): void {
    const record = this.#getRecord(sent);
    if (status < 500) return;
    if (sent.responseFormat) record.formatFailures++;
    else Object.assign(record, { plainWorks: false, plainFailures: record.plainFailures + 1 });
  }

  recordWrongGuess(sent: ModelRequest): void {
    this.#getRecord(sent).wrongGuesses++;
  }

  /**
   * Chooses what to leave out once.
   *
   * @param works Parts that the endpoint took before.
   */
  findGuess(sent: ModelRequest, error: AttemptError, works: { readonly format: boolean; readonly systemRole: boolean }): Adaptation | null {
    const record = this.#getRecord(sent);
    if (!isPossibleRefusal(error) || record.wrongGuesses >= maxWrongGuesses) return null;
    const { status = 0 } = error.details;
    const isRefusal = refusalStatuses.includes(status);
    if (sent.responseFormat) {
      const serverMayRefuse = status === 500 && !works.format && (record.plainWorks || record.formatFailures >= minFailures);
      return serverMayRefuse || (isRefusal && !namesOtherPart.test(error.message)) ? { responseFormat: "none" } : null;
    }
    if (works.systemRole || !hasPart(sent, "systemRole") || !saysNothing.test(error.message)) return null;
    return isRefusal || (status === 500 && record.plainFailures >= minFailures) ? { systemRole: "merge" } : null;
  }

  #getRecord({ settings }: ModelRequest): EndpointRecord {
    const key = JSON.stringify([settings.model, this.describeEndpoint(settings)]);
    const record = this.#records.get(key) ?? { plainWorks: false, formatFailures: 0, plainFailures: 0, wrongGuesses: 0 };
    this.#records.set(key, record);
    return record;
  }
}
