import { LRUCache } from "lru-cache";

import type { DescribeEndpoint, ModelRequest } from "../model-call.js";
import { type Adaptation, type AdaptablePart, adaptableParts, hasPart } from "./adaptation.js";

/** A change that is made in all later requests to an endpoint and model. */
export interface AdaptationEvent {
  /** As the settings name it. */
  readonly model: string;
  readonly endpoint: string;
  /** The setting or the part of requests that is changed. */
  readonly part: AdaptablePart;
  readonly value: string;
  /** What the endpoint said. */
  readonly reason: string;
}

/** Changes of one call, each with the error that led to it. */
export interface Trial {
  readonly adaptation: Adaptation;
  readonly reasons: Readonly<Partial<Record<AdaptablePart, string>>>;
  /** True if a change was tried although the endpoint did not name what it refuses. */
  readonly isGuess: boolean;
}

/** What is known of one part of requests to an endpoint and model. */
interface PartRecord {
  /** Set if an unchanged request was answered. One refusal may then concern a single prompt. */
  worksUnchanged: boolean;
  /** The change that worked last, and how often in a row. */
  value: string;
  successes: number;
}

/** How often a change must work before it is made at once. */
const successesToLearn = { named: 1, guess: 2, afterUnchanged: 3 };

/** Bounds the memory of a server that accepts settings from its clients: four parts of a thousand models. */
const maxRecords = 4_000;

/** Remembers per endpoint and model how requests must be changed. A format is remembered per schema. */
export class AdaptationMemory {
  readonly #records = new LRUCache<string, PartRecord>({ max: maxRecords });
  readonly #learnt = new LRUCache<string, Adaptation>({ max: maxRecords });
  readonly #said = new LRUCache<string, true>({ max: maxRecords });

  constructor(
    private readonly describeEndpoint: DescribeEndpoint,
    private readonly onAdapt: ((event: AdaptationEvent) => void) | undefined,
  ) {}

  /** Returns the changes that are made in such a request. */
  getLearnt(request: ModelRequest): Adaptation {
    return Object.assign({}, ...adaptableParts.map((part) => this.#learnt.get(this.#getKey(request, part)) ?? {}));
  }

  /** Records that a request was answered, and learns the changes that made it work. */
  recordSuccess(request: ModelRequest, { adaptation, reasons, isGuess }: Trial): void {
    for (const part of adaptableParts) {
      if (!hasPart(request, part)) continue;
      const key = this.#getKey(request, part);
      const value = adaptation[part];
      const record = this.#records.get(key) ?? { worksUnchanged: false, value: "", successes: 0 };
      this.#records.set(key, record);
      if (value === undefined) Object.assign(record, { worksUnchanged: true, value: "", successes: 0 });
      else if (this.#learnt.get(key)?.[part] !== value) {
        Object.assign(record, { value, successes: record.value === value ? record.successes + 1 : 1 });
        const needed = record.worksUnchanged ? successesToLearn.afterUnchanged : isGuess ? successesToLearn.guess : successesToLearn.named;
        if (record.successes >= needed) this.#learn(request, part, { [part]: value }, value, reasons[part] ?? "");
      }
    }
  }

  /** Returns true if a request was answered unchanged in this part before. */
  worksUnchanged(request: ModelRequest, part: AdaptablePart): boolean {
    return this.#records.get(this.#getKey(request, part))?.worksUnchanged ?? false;
  }

  #learn(request: ModelRequest, part: AdaptablePart, change: Adaptation, value: string, reason: string): void {
    this.#learnt.set(this.#getKey(request, part), change);
    const { model } = request.settings;
    const endpoint = this.describeEndpoint(request.settings) ?? model;
    const id = JSON.stringify([model, endpoint, part, value]);
    if (this.#said.has(id)) return;
    this.#said.set(id, true);
    this.onAdapt?.({ model, endpoint, part, value, reason });
  }

  #getKey({ settings, responseFormat }: ModelRequest, part: AdaptablePart): string {
    const schema = part === "responseFormat" ? responseFormat?.name : undefined;
    return JSON.stringify([settings.model, this.describeEndpoint(settings), part, schema]);
  }
}
