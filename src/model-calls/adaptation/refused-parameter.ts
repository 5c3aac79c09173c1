/** What follows the name of a refused parameter. Bounds (`must be at most 1`) refuse a value, not the parameter. */
const refusalsAfterName = [
  "(?:not|n['’]t|no longer|un)(?: be)?[ -]?(?:currently )?(?:support|allow|permit|accept|available|recogni[sz]ed|known|expected)\\w*",
  "deprecated",
  "cannot (?:be (?:used|set|specified|changed|combined)|both)",
  "only (?:be )?(?:set to|the default|supports? (?:the )?default|\\d(?:\\.\\d+)? (?:is|was) (?:allowed|supported|accepted))",
  "must be (?:set to |equal to |exactly )?1(?:\\.0+)?(?= *(?:$|[.;,)\"']|when|for|with|if)(?!\\.\\d))",
].join("|");

/** What stands before the name of a refused parameter. */
const refusalsBeforeName = [
  "(?:unsupported|unrecogni[sz]ed|unknown|unexpected|unpermitted|extra|extraneous)(?: \\w+){0,4}",
  "(?:do|does|did|is|are|was)(?: not|n['’]t)(?: currently)? (?:support|accept|allow|take|recogni[sz]e|know)\\w*(?: \\w+){0,4}",
].join("|");

/** Words of an error that refuses a value for its size. */
const bounds = /\b(?:between|in (?:the )?range|at most|at least|less than|greater than|too (?:large|small|high|low))\b|[<>]=?\s*\d|[≤≥]/i;

/**
 * Returns true if an error says that an endpoint does not take a parameter at all, or only with its default value.
 *
 * An error that names the limits of its value is not one.
 */
export function isParameterRefusal(message: string, name: string): boolean {
  const parameter = `(?<![\\w-])${name}(?![\\w-])`;
  // A sentence at most, since the next one may name what to use instead. A full stop within a number ends none.
  const between = "(?:[^.;]|\\.(?=\\d))";
  const after = new RegExp(`${parameter}${between}{0,80}?(?<![a-z])(?:${refusalsAfterName})`, "i");
  const before = new RegExp(`(?<![a-z])(?:${refusalsBeforeName})[\\s:'"\`=([]*${parameter}`, "i");
  return !bounds.test(message) && (after.test(message) || before.test(message));
}
