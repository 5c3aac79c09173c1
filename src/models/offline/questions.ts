import type { Frames } from "./frames.js";

/** Sides of a subject to go on to; the remark before each names it. */
export const facets: Frames = [
  /* cost */ (a) => `What does ${a} really cost, in money and in hours?`,
  /* history */ (a) => `How did people deal with ${a} a century ago, and what changed since?`,
  /* risks */ (a) => `What can go badly wrong with ${a}, and how would I notice in time?`,
  /* comparison */ (a) => `What is the best alternative to ${a}, and when would I prefer it?`,
  /* beginners */ (a) => `Which configurationErrorCodes do beginners make with ${a}, and how do I avoid them?`,
  /* tooling */ (a) => `Which tools help with ${a}, and which one should I learn first?`,
  /* measuring */ (a) => `How do I measure whether ${a} is going well?`,
  /* teaching */ (a) => `How would you teach ${a} to a curious ten-year-old?`,
  /* time */ (a) => `What would a realistic first month with ${a} look like?`,
  /* scale */ (a) => `What changes about ${a} when ten times as many people are involved?`,
  /* law */ (a) => `Are there rules or laws that I have to keep in mind with ${a}?`,
  /* ethics */ (a) => `Who could be harmed by ${a}, and what would be fair to them?`,
  /* environment */ (a) => `What does ${a} mean for nature, and can that be improved?`,
  /* future */ (a) => `Where is ${a} heading over the next ten years?`,
  /* myths */ (a) => `Which common beliefs about ${a} are simply not true?`,
  /* cultures */ (a) => `How does ${a} differ from one country to another?`,
  /* experts */ (a) => `What do experts on ${a} disagree about?`,
  /* combination */ (a) => `What goes well together with ${a}, and what does not?`,
  /* upkeep */ (a) => `How do I keep ${a} in good shape once it works?`,
  /* exceptions */ (a) => `For whom is ${a} the wrong choice altogether?`,
  /* persuading */ (a) => `How would I convince a sceptical friend of ${a} in a few sentences?`,
  /* emergency */ (a) => `What should I do first if ${a} fails at the worst moment?`,
  /* small budget */ (a) => `What is the smallest version of ${a} that is still worth having?`,
  /* stopping */ (a) => `When is the right time to stop with ${a} or hand it over?`,
  /* transfer */ (a) => `What can somebody in a different field learn from ${a}?`,
  /* learning on */ (a) => `What would you read or practise after ${a} to get better?`,
];

/** Ways back to something the answer never took up: the missing word, then the topic. */
export const aboutMissing: Frames = [
  (a, b) => `You did not say anything about ${a} yet. How does it bear on ${b}?`,
  (a, b) => `Where does ${a} come in when I deal with ${b}, step by step?`,
  (a, b) => `I asked about ${a} as well: what exactly should I do about it, given ${b}?`,
  (a) => `What happens if I ignore ${a} here? Walk me through it.`,
  (a, b) => `Take ${a} alone: what makes it hard in connection with ${b}?`,
  (a, b) => `Why does ${a} matter for ${b}, and how much?`,
];

/** Pins a hedge down: the topic, then the hedging word. */
export const aboutHedge: Frames = [
  (a, b) => `You wrote "${b}" about ${a}. Under which conditions is it true, and when is it not?`,
  (a, b) => `What would turn that "${b}" about ${a} into a clear yes or no?`,
  (a) => `If you had to commit yourself on ${a}, what would you say, and on what grounds?`,
  (a) => `What does it depend on with ${a}, and how do I find out which case is mine?`,
  (a, b) => `Without any "${b}": what holds for ${a} in the ordinary case?`,
];

/** Asks for what a thin answer lacks: reasons, mechanism, an example. */
export const aboutThin: Frames = [
  (a) => `Why is that so with ${a}? Explain what causes what.`,
  (a) => `Can you show me ${a} in one worked example, from start to finish?`,
  (a) => `How do you know that about ${a}, and how could I check it myself?`,
  (a) => `Which step in ${a} is the hardest, and what makes it so?`,
  (a) => `What happens in detail between the start and the end of ${a}?`,
  (a) => `In which case would your advice on ${a} be wrong?`,
];

/** Asks beyond a phrase that the answer kept repeating: the topic, then the phrase. */
export const aboutRepetition: Frames = [
  (a, b) => `You keep coming back to "${b}". What else is there to say about ${a}?`,
  (a, b) => `Apart from "${b}", what decides how ${a} turns out?`,
  (a, b) => `Leave "${b}" aside: what is the second most important point about ${a}?`,
];

/** What somebody naturally asks next. */
export const getNextSteps: Frames = [
  (a) => `What should I do first about ${a} tomorrow morning?`,
  (a) => `Can you give me an everyday example of ${a}?`,
  (a) => `How do I know that I have understood ${a}?`,
  (a) => `What usually surprises people about ${a}?`,
  (a) => `Could you put ${a} into a short checklist that I can keep?`,
  (a) => `Which part of ${a} would you look at more closely, and why?`,
  (a) => `What would ${a} look like for someone with very little time?`,
  (a) => `How long does it take until ${a} pays off?`,
];

/** Openers that make a known question a new one, for conversations that have used everything up. */
export const openers: Frames = [
  (a) => `One more time, from another angle: ${a}`,
  (a) => `Imagine I have to decide today. ${a}`,
  (a) => `Suppose I start from nothing. ${a}`,
  (a) => `As somebody who has done it for years would see it: ${a}`,
];
