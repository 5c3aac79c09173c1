import { AttemptError } from "../attempt/attempt-error.js";
import { type CallModel, type DescribeEndpoint, type ModelRequest, describeBaseUrl } from "../model-call.js";
import { type Adaptation, applyAdaptation, adaptableParts, hasPart } from "./adaptation.js";
import { type AdaptationEvent, AdaptationMemory, type Trial } from "./adaptation-memory.js";
import { findRefusal } from "./find-refusal.js";
import { GuessPolicy } from "./guess-policy.js";

/** Options of {@link withRequestAdaptation}. */
export interface AdaptationOptions {
  readonly describeEndpoint?: DescribeEndpoint;
  /** Called once for each change that later requests to an endpoint and model are made with. */
  readonly onAdapt?: (event: AdaptationEvent) => void;
}

/** Two of each part, and none is tried twice: names of the output limit, system roles, formats, and the temperature. */
const maxChanges = 8;

/**
 * Adapts requests to what their endpoint takes: a request that is refused for its form is sent again at once, changed.
 *
 * Temperature, name of the output limit, role of the rules and JSON format are changed, each only where the settings leave it
 * open. A change that worked is made at once in later requests to the same endpoint and model. An attempt is only repeated
 * after an error that cost nothing, so that one reservation of a budget covers both.
 */
export function withRequestAdaptation(next: CallModel, { describeEndpoint = describeBaseUrl, onAdapt }: AdaptationOptions = {}): CallModel {
  const memory = new AdaptationMemory(describeEndpoint, onAdapt);
  const policy = new GuessPolicy(describeEndpoint);

  /** Returns what to try next, or null if the error is final. */
  function findNextTrial(request: ModelRequest, sent: ModelRequest, trial: Trial, error: AttemptError): Trial | null {
    const learnt = memory.getLearnt(request);
    // Another call may have learnt meanwhile what this one needs.
    if (!hasAdaptation(trial.adaptation, learnt)) return { ...trial, adaptation: { ...trial.adaptation, ...learnt } };
    const named = omitFixedParts(request, findRefusal(sent, error));
    const change = named ?? omitFixedParts(request, findGuess(request, sent, error));
    if (!change) return null;
    const reasons = Object.fromEntries(Object.keys(change).map((part) => [part, error.message]));
    return { adaptation: { ...trial.adaptation, ...change }, reasons: { ...trial.reasons, ...reasons }, isGuess: trial.isGuess || !named };
  }

  function findGuess(request: ModelRequest, sent: ModelRequest, error: AttemptError): Adaptation | null {
    const works = { format: memory.worksUnchanged(request, "responseFormat"), systemRole: memory.worksUnchanged(request, "systemRole") };
    return policy.findGuess(sent, error, works);
  }

  return async (request, config) => {
    let trial: Trial = { adaptation: memory.getLearnt(request), reasons: {}, isGuess: false };
    /** The error to report if a guess does not help. */
    let unexplained: AttemptError | null = null;
    const tried = new Set<string>();
    for (;;) {
      tried.add(JSON.stringify(trial.adaptation));
      const sent = applyAdaptation(request, trial.adaptation);
      try {
        const response = await next(sent, config);
        policy.recordSuccess(sent);
        memory.recordSuccess(request, trial);
        return response;
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        policy.recordFailure(sent, error);
        if (unexplained) {
          policy.recordWrongGuess(sent);
          throw unexplained;
        }
        config.signal?.throwIfAborted();
        const nextTrial = tried.size > maxChanges ? null : findNextTrial(request, sent, trial, error);
        if (!nextTrial || tried.has(JSON.stringify(nextTrial.adaptation))) throw error;
        if (nextTrial.isGuess) unexplained = error;
        trial = nextTrial;
      }
    }
  };
}

function hasAdaptation(adaptation: Adaptation, part: Adaptation): boolean {
  return adaptableParts.every((name) => part[name] === undefined || adaptation[name] === part[name]);
}

/** Drops changes of what the settings choose themselves, or of what the request does not have. */
function omitFixedParts(request: ModelRequest, change: Adaptation | null): Adaptation | null {
  return change && adaptableParts.every((part) => change[part] === undefined || hasPart(request, part)) ? change : null;
}
