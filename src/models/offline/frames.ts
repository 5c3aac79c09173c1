/** A sentence around words of the user's own. Sentences never begin with such a word: its case is left alone. */
export type Frame = (a: string, b: string) => string;
export type Frames = readonly [Frame, ...Frame[]];

export const leads: Frames = [
  (a) => `The short answer on ${a}: get the order right and most of the rest follows.`,
  (a) => `What counts in ${a} is less how much you do than where you begin.`,
  (a) => `Anyone who takes on ${a} meets the same few decisions early.`,
  (a) => `One point has to be settled before all others in ${a}: what a good result looks like.`,
  (a) => `Most of ${a} comes down to a handful of choices.`,
  (a) => `There is a simple way into ${a}, and it starts from what you already have.`,
];

export const pairs: Frames = [
  (a, b) => `First ${a}, then ${b}: in that order each is easy to check.`,
  (a, b) => `The link between ${a} and ${b} is direct and runs one way.`,
  (a, b) => `Keep ${a} apart from ${b} until both are clear.`,
  (a, b) => `What ${a} begins, ${b} has to finish.`,
  (a, b) => `Look at ${a} for the shape of the whole and at ${b} for its limits.`,
  (a, b) => `Between ${a} and ${b} lies the choice that people regret most often.`,
  (a, b) => `A change in ${a} shows up in ${b} within one round.`,
];

export const singles: Frames = [
  (a) => `On its own, ${a} sets the pace.`,
  (a) => `Every later step leans on ${a}.`,
  (a) => `The place to begin is ${a}.`,
  (a) => `Without ${a} nothing else here holds.`,
];

export const reasons: Frames = [
  (a, b) => `This works because ${a} limits how far ${b} can go wrong.`,
  (a) => `Deal with ${a} early, so that a late correction does not cost you twice.`,
  (a) => `The weak spot is ${a}: it fails quietly, which means nobody notices until the end.`,
  (a, b) => `Attention to ${a} pays, because ${b} cannot be mended afterwards.`,
  (a, b) => `Whoever changes ${a} moves ${b} as well; therefore change one at a time.`,
  (a) => `The reason to return to ${a} is that first guesses about it seldom survive.`,
];

export const examples: Frames = [
  (a) => `For example, leave everything else alone for a week, change ${a}, and write down what moved.`,
  (a, b) => `For instance, someone who has ${a} but no ${b} gets halfway and stops there.`,
  (a, b) => `For example, set ${a} beside ${b} on one page and mark where they differ.`,
  (a) => `Suppose ${a} were gone tomorrow: whatever you would miss first is its real work.`,
];

export const steps: Frames = [
  (a) => `Write down what ${a} has to achieve.`,
  (a) => `Check ${a} against one case you know well.`,
  (a) => `Settle ${a} before you move on.`,
  (a) => `Try ${a} at a small scale.`,
  (a) => `Compare ${a} with where you started.`,
  (a) => `Leave ${a} alone once it holds.`,
  (a) => `Ask what ${a} would look like if it were easy.`,
  (a) => `Put a date on ${a}.`,
];

export const remarks: Frames = [
  (a) => `${a}: comes first`,
  (a) => `${a}: worth a second look`,
  (a) => `${a}: easy to overlook`,
  (a) => `${a}: the costly part`,
  (a) => `${a}: done last`,
];

export const hedged: Frames = [
  (a) => `Perhaps ${a} matters here, though it might not.`,
  (a) => `It is possibly a question of ${a}, more or less.`,
  (a) => `Some would say that ${a} may help, and it depends.`,
  (a) => `Generally speaking, ${a} could be part of it.`,
];

export const echoes: Frames = [
  (a) => `The important point to remember here is ${a}.`,
  (a) => `When all is considered it comes back to ${a}.`,
  (a) => `Nobody should forget how much depends on ${a}.`,
];

export const backward: Frames = [
  (a) => `It builds on what was said of ${a} before.`,
  (a) => `Seen next to ${a} from earlier, it falls into place.`,
  (a) => `You will recognise the pattern from ${a}.`,
];

export const materials: Frames = [
  (a) => `In the text you gave, ${a} carries the point.`,
  (a) => `Your own text shows it best where it speaks of ${a}.`,
];

export const closings: Frames = [
  (a) => `If one thing is to stay with you about ${a}, let it be the order of the steps.`,
  (a) => `With that much of ${a} in hand, the next question will be a better one.`,
  (a) => `Beyond this, ${a} is a matter of practice.`,
];
